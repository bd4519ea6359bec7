"""A path in two lines of text: its costs beside the supernet's, and what it keeps."""

from selene_tf.architectures.topology import cells, routes


def summary(path):
    """Costs and size of a `RoutingPath`, beside those of the supernet."""
    metadata = path.metadata
    height, width = metadata["image_size"]
    shares = [
        f"{metadata[name] / metadata[f'supernet_{name}']:.1%}"
        for name in ("macs", "parameters")
    ]
    places = cells(path.num_layers)
    num_routes = sum(len(routes(*place, path.num_layers)) for place in places)
    return (
        f"{metadata['macs'] / 1e6:,.1f} of "
        f"{metadata['supernet_macs'] / 1e6:,.1f} MMACs at "
        f"{height}x{width} ({shares[0]}), {metadata['parameters']:,} of "
        f"{metadata['supernet_parameters']:,} parameters ({shares[1]})\n"
        f"{metadata['rule']} over {metadata['images']} images: of {len(places)} cells "
        f"{path.kept.any(axis=-1).sum()} are computed and {path.bypassed.sum()} pass "
        f"their input on, {path.kept.sum()} of {num_routes} routes are open"
    )
