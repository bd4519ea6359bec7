"""Pruning of a run's network to a path, its gates kept or folded."""

import dataclasses

import keras
import numpy as np

from selene_tf import experiment
from selene_tf.architectures import Cost, cost, routing, topology
from selene_tf.evaluation import summary
from selene_tf.experiment.gates import collect
from selene_tf.networks import folding
from selene_tf.search import discover


@dataclasses.dataclass(frozen=True)
class PrunedNetwork:
    """A network that is ready for a device.

    Attributes:
        network: A Keras model from images to "logits".
        restored: The `experiment.RestoredRun` that it was made of.
        gates: "keep" or "fold".
    """

    network: keras.Model
    restored: experiment.RestoredRun
    gates: str

    @property
    def architecture(self):
        """What the costs follow from; a folded network computes no gates."""
        if self.gates == "keep":
            return self.restored.architecture
        return dataclasses.replace(self.restored.architecture, gated=False)

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


def prepare(options, conditional=False):
    """Restores a run's network, prunes it, and folds its gates if wanted.

    With `gates="fold"` each gate becomes its mean over the labelled training
    images, measured on the pruned network; validation images have no part in it.
    A cell that most of them close passes its input on, as it does for them.

    Args:
        options: A `RunOptions`. New statistics are taken with gates at their means if
            they are to be folded.
        conditional: bool, whether what an image closed is left out.

    Returns:
        A `PrunedNetwork`; `restored.source` are the images of the split.

    Raises:
        UserError: for whatever is wrong with the run, the path or the images.
    """
    restored = experiment.load_run(
        options.run_dir,
        options.network,
        options.split,
        options.data_dir,
        conditional,
        options.path_file,
    )
    if options.gates == "fold":
        return _folded(restored, options)
    if options.statistics_batches:
        experiment.recompute_statistics(restored, options.statistics_batches)
    return PrunedNetwork(restored.network, restored, options.gates)


def _folded(restored, options):
    """The `PrunedNetwork` whose gates are their means over training images."""
    routing.check_has_routes(restored.architecture, "gates", "fold", "--gates=keep")
    source = experiment.load_split(options.run_dir, "train", options.data_dir)
    gates, _ = collect(restored.network, [source], max_images=0)
    means = gates.mean(axis=0)
    restored = _without_closed_cells(restored, gates)
    if options.statistics_batches:
        _fix_gates(restored.network, means, restored.path)
        experiment.recompute_statistics(restored, options.statistics_batches)
    network = folding.fold(restored.network, means, restored.path)
    return PrunedNetwork(network, restored, "fold")


def _without_closed_cells(restored, gates):
    """The same along a path without what the images close.

    Cells that most of them close pass on; routes that all of them close are gone.
    """
    num_layers, path = restored.architecture.num_layers, restored.path
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
        return restored
    kept, bypassed = topology.connected(wanted, bypassed | closed)
    if not kept.any():
        return restored
    # The size is for the path's own metadata, which nobody asks here.
    size = path.metadata["image_size"] if path else (32, 32)
    smaller = discover.as_path(
        gates, kept, bypassed, restored.architecture, size, rule, counts_gates=False
    )
    smaller = dataclasses.replace(restored.architecture, path=smaller)
    return dataclasses.replace(restored, architecture=smaller)


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
