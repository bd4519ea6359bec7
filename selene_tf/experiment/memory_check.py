"""Whether a training can fit into this machine's memory, before anything is built.

What is estimated here a training needs at least, so nothing is refused that would fit;
a step that does not fit all the same ends in one line too.
"""

import contextlib
import math

import tensorflow as tf

from selene_tf.architectures.costs import cost
from selene_tf.cli import memory
from selene_tf.config.text import to_text
from selene_tf.errors import UserError
from selene_tf.experiment import architecture
from selene_tf.experiment.datasets import dataset_info
from selene_tf.experiment.initial_state import InitialState

# An image as bytes and as numbers of 32 bits.
_BYTES_OF_IMAGE = 3 + 12
# Logits and their gradient, of each class.
_BYTES_OF_CLASS = 8


def check(config, initial=InitialState(), num_workers=1):
    """Refuses a training that cannot fit.

    Args:
        config: The `Config`.
        initial: The run's `InitialState`.
        num_workers: Machines that share each batch.

    Raises:
        UserError: says which flag asks for how much.
    """
    size, crop = config.image_size, config.crop_size
    if size:
        pixels = math.prod(size)
        _require(f"--image_size={to_text(size)}", pixels * _BYTES_OF_IMAGE)
    wanted = architecture.architecture_of(config, initial.path)
    parameters = cost(wanted, 32, 32).parameters
    # Of a trained network weights, momentum and gradients.
    copies = {"supervised": 3, "mean_teacher": 4, "cross_pseudo": 6}[config.algorithm]
    _require(
        f"{_size_flags(config)}, a network of {parameters:,} parameters,",
        4 * copies * parameters,
    )
    # Those of GPUs lie in a memory of their own.
    if tf.config.list_physical_devices("GPU"):
        return
    images = config.batch_size // (config.accumulate_steps * num_workers)
    a_pixel = _BYTES_OF_IMAGE + _BYTES_OF_CLASS * dataset_info(config).num_classes
    _require(
        f"--crop_size={to_text(crop)} with {images} images at a time",
        images * math.prod(crop) * a_pixel,
    )


def _size_flags(config):
    if config.architecture:
        return f"--architecture={config.architecture}"
    if config.network == "deeplab_v3_plus":
        return f"--network={config.network}"
    return f"--channels={config.channels} with --num_layers={config.num_layers}"


def _require(what, needed):
    total = memory.total_bytes()
    if needed > total:
        raise UserError(
            f"{what} needs at least {needed / 1e9:,.1f} GB of memory, but this machine "
            f"has {total / 1e9:,.1f} GB; expected less."
        )


@contextlib.contextmanager
def named_exhaustion(config):
    """Says in one line that a step does not fit into the memory.

    Raises:
        UserError: in place of TensorFlow's error inside the block.
    """
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError):
        raise UserError(
            f"--crop_size: there is not enough memory with --crop_size="
            f"{to_text(config.crop_size)} and --batch_size={config.batch_size}, or for "
            "the validation images; expected a smaller crop or batch or "
            "--accumulate_steps=2 or more, or, if it came with an evaluation, an "
            "--image_size."
        ) from None
