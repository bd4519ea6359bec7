"""Classic networks as routes of the search space, drawn by hand.

Li et al. 2020 (section 4.3) compare what routing finds with networks of the same space
that are modelled on known ones. Their figures leave the number of cells on each level
open; here the layers are dealt out evenly, for any number of layers.
"""

import numpy as np

from selene_tf.architectures import topology

NAMES = ("fcn_32s", "deeplab_v3", "unet", "hrnet", "auto_deeplab")
# Level of each of the 12 layers that Auto-DeepLab's search found (Liu et al. 2019,
# figure 3; the official code's `backbone`).
_AUTO_DEEPLAB = (0, 0, 0, 1, 2, 1, 2, 2, 3, 3, 2, 1)


def routes(name, num_layers):
    """The routes of a classic network.

    - "fcn_32s" (Long et al. 2015): one way, a quarter of the cells on each level from
      stride 4 down to 32, where the decoder takes over.
    - "deeplab_v3" (Chen et al. 2017): likewise, but the last two quarters stay at
      stride 16, as dilation keeps them in the original.
    - "unet" (Ronneberger et al. 2015): down to stride 32 and up again; each level is
      also passed on unchanged to where the way comes back.
    - "hrnet" (Sun et al. 2019): parallel streams, one more in each quarter, that
      exchange their features with their neighbours at the end of each quarter.
    - "auto_deeplab" (Liu et al. 2019): the one way that its search found.

    Args:
        name: One of `NAMES`.
        num_layers: Layers behind the first cell; 6 or more for "unet", else 3.

    Returns:
        (kept, bypassed): bool (num_layers + 1, 4, 3), and bool (num_layers + 1, 4), as
        in `RoutingPath`.

    Raises:
        ValueError: for another name, or too few layers.

    Example:
        >>> kept, _ = routes("fcn_32s", num_layers=7)
        >>> [int(level) for level in kept.any(axis=-1).argmax(axis=1)]
        [0, 0, 1, 1, 2, 2, 3, 3]
    """
    smallest = min_layers(name)
    if name not in NAMES or num_layers < smallest:
        raise ValueError(
            f"found the path {name!r} for {num_layers} layers, expected one of "
            f"{', '.join(NAMES)} for {smallest} layers or more."
        )
    count = num_layers + 1
    quarters = [min(3, 4 * layer // count) for layer in range(count)]
    match name:
        case "fcn_32s":
            return _along(quarters)
        case "deeplab_v3":
            return _along([min(2, level) for level in quarters])
        case "auto_deeplab":
            wanted = [_AUTO_DEEPLAB[12 * layer // count] for layer in range(count)]
            return _along(_reachable(wanted))
        case "unet":
            return _unet(count)
        case "hrnet":
            return _hrnet(quarters)


def min_layers(name):
    """The fewest layers that a classic network fits into."""
    # Down to stride 32 and up again.
    return 2 * topology.MIN_LAYERS if name == "unet" else topology.MIN_LAYERS


def _empty(count):
    kept = np.zeros((count, topology.NUM_LEVELS, len(topology.ROUTES)), bool)
    return kept, np.zeros(kept.shape[:2], bool)


def _along(levels):
    """The routes of one way, from the level of each of its layers."""
    kept, bypassed = _empty(len(levels))
    by_step = {0: "keep", -1: "up", 1: "down"}
    for layer, (level, following) in enumerate(
        zip(levels, [*levels[1:], levels[-1]], strict=True)
    ):
        kept[topology.place(layer, level, by_step[following - level])] = True
    return kept, bypassed


def _reachable(levels):
    """The same levels as far as one can go: one up or down from layer to layer."""
    reached = [0]
    for level in levels[1:]:
        reached.append(min(max(level, reached[-1] - 1), reached[-1] + 1))
    return reached


def _unet(count):
    half = (count + 1) // 2
    way_down = [min(3, 4 * layer // half) for layer in range(half)]
    rest = count - half
    # As many layers on the way up, from stride 32 to 4.
    way_up = [3 - min(3, 4 * (layer + 1) // rest) for layer in range(rest)]
    levels = _reachable([*way_down, *way_up])
    kept, bypassed = _along(levels)
    for layer in range(1, count):
        if levels[layer] < levels[layer - 1]:
            level = levels[layer]
            left = max(n for n in range(layer) if levels[n] == level)
            # From the last cell on this level to the first on the way back.
            kept[topology.place(left, level, "keep")] = True
            bypassed[left + 1 : layer, level] = True
    return kept, bypassed


def _hrnet(quarters):
    kept, bypassed = _empty(len(quarters))
    last = len(quarters) - 1
    for layer, streams in enumerate(quarters):
        following = quarters[min(layer + 1, last)]
        for level in range(streams + 1):
            for route in topology.routes(layer, level, last):
                _, to_level = topology.target(layer, level, route)
                exchanges = following > streams and to_level <= following
                if route == "keep" or exchanges:
                    kept[topology.place(layer, level, route)] = True
    return kept, bypassed
