"""A run's network as it goes to a device: along a path, its gates kept or folded."""

import dataclasses
import pathlib

import keras
import numpy as np

from selene_tf import experiment
from selene_tf.architectures import Cost, cost, routing, topology
from selene_tf.data.pipeline import batching
from selene_tf.data.pipeline.sources import named_failures
from selene_tf.evaluation import evaluate, summary
from selene_tf.networks import folding
from selene_tf.search import discover

GATES = ("keep", "fold")


@dataclasses.dataclass(frozen=True)
class PrunedNetwork:
    """A network that is ready for a device.

    Attributes:
        network: A Keras model from images to "logits".
        trained: The `experiment.RestoredRun` that it was made of.
        gates: "keep" or "fold".
    """

    network: keras.Model
    trained: experiment.RestoredRun
    gates: str

    @property
    def architecture(self):
        """What the costs follow from; a folded network computes no gates."""
        if self.gates == "keep":
            return self.trained.architecture
        return dataclasses.replace(self.trained.architecture, gated=False)

    def cost(self, size):
        """The `Cost` of one image if everything runs, as in an export.

        Args:
            size: Height and width in pixels.
        """
        unfolded = cost(self.architecture, *map(int, size))
        if self.gates == "keep":
            return unfolded
        # Of a folded network the kernels and biases.
        return Cost(unfolded.macs, self.network.count_params())

    def costs(self, result):
        """MACs over the images of an `Evaluation`, and the parameters.

        See `summary.costs`.
        """
        if self.gates == "fold":
            # Everything that is there runs, however small its gate was.
            result = dataclasses.replace(result, gates=None)
        parameters = self.cost(result.sizes[0]).parameters
        return {**summary.costs(result, self.architecture), "parameters": parameters}


def prepare(
    run_dir,
    network="deployed",
    path="none",
    gates="keep",
    *,
    statistics_batches=0,
    split="val",
    data_dir="",
    conditional=False,
):
    """Restores a run's network, prunes it, and folds it if wanted.

    With `gates="fold"` each gate becomes its mean over the labelled training
    images, measured on the pruned network; validation images have no part in it.
    A cell that most of them close passes its input on, as it does for them.

    Args:
        run_dir: The run's folder.
        network: "deployed", or one of the run's networks by name.
        path: "none" for all of the network, "discovered" for the run's path.json, or
            the name of such a file.
        gates: "keep" or "fold"; see `folding.fold`.
        statistics_batches: If not 0, normalisation's statistics are taken anew from
            so many training batches after pruning, with gates at their means if they
            are to be folded.
        split: Split of the images in `trained.source`.
        data_dir: Where the images lie, if not where the run found them.
        conditional: Whether what an image closed is left out.

    Returns:
        A `PrunedNetwork`.

    Raises:
        UserError: for whatever is wrong with the run, the path or the images.
    """
    file = path_file(run_dir, path)
    trained = experiment.load_run(run_dir, network, split, data_dir, conditional, file)
    model = trained.network
    if gates == "fold":
        routing.check_has_routes(trained.architecture, "gates", "fold", "--gates=keep")
        measured = _gates(model, experiment.load_split(run_dir, "train", data_dir))
        means = measured.mean(axis=0)
        trained = _without_closed_cells(trained, measured)
    if statistics_batches:
        if gates == "fold":
            _fix_gates(model, means, trained.path)
        experiment.recompute_statistics(trained, statistics_batches)
    if gates == "fold":
        model = folding.fold(model, means, trained.path)
    return PrunedNetwork(model, trained, gates)


def path_file(run_dir, path):
    """The file that --path means; "" for the whole network."""
    if path in ("", "none"):
        return ""
    return str(pathlib.Path(run_dir) / "path.json") if path == "discovered" else path


def _gates(network, source):
    """The gates of all images of a source, (images, num_layers + 1, 4, 3)."""
    predict = evaluate.predictor(network)
    with named_failures(source):
        return np.concatenate(
            [
                predict(batch["image"])["gates"].numpy()
                for batch in batching.evaluation(source, 1)
            ]
        )


def _without_closed_cells(trained, gates):
    """The same along a path without what the images close.

    Cells that most of them close pass on; routes that all of them close are gone.
    """
    num_layers, path = trained.architecture.num_layers, trained.path
    closed = discover.bypassed_share(gates, path) > 0.5
    kept, bypassed = topology.all_routes(num_layers), np.zeros(closed.shape, bool)
    rule = "all"
    if path is not None:
        kept, bypassed, rule = path.kept, path.bypassed, path.metadata["rule"]
    # A cell that the path leaves without a way along keep has nowhere to pass on to.
    closed &= kept[..., 0]
    # Convolutions of routes that every image closes would only add zeros.
    wanted = kept & ~closed[..., None] & (gates.mean(axis=0) > 0)
    if (wanted == kept).all():
        return trained
    kept, bypassed = topology.connected(wanted, bypassed | closed)
    if not kept.any():
        return trained
    # The size is for the path's own metadata, which nobody asks here.
    size = path.metadata["image_size"] if path else (32, 32)
    smaller = discover.as_path(
        gates, kept, bypassed, trained.architecture, size, rule, counts_gates=False
    )
    smaller = dataclasses.replace(trained.architecture, path=smaller)
    return dataclasses.replace(trained, architecture=smaller)


def _fix_gates(network, means, path):
    """Makes every gate its mean, whatever the image; new statistics depend on it."""
    num_layers = len(means) - 1
    if path is not None:
        # Also cells that nothing reaches any more: in training they would send.
        means = means * path.kept
    for cell in topology.cells(num_layers):
        layer = _cell(network, cell)
        if layer is None or not layer.gated:
            continue
        values = [
            means[(*cell, topology.ROUTES.index(route))]
            for route in topology.routes(*cell, num_layers)
        ]
        project = layer.gate.project
        project.kernel.assign(np.zeros(project.kernel.shape))
        # A mean of exactly 1 cannot be, but float32 may round to it.
        project.bias.assign(np.arctanh(np.minimum(values, 1 - 1e-7)))


def _cell(network, cell):
    names = {layer.name for layer in network.layers}
    name = topology.cell_name(*cell)
    return network.get_layer(name) if name in names else None
