"""TensorFlow's rewriting of graphs, which a training on the CPU is better without."""

import contextlib

import tensorflow as tf

_OFF = "disable_meta_optimizer"


@contextlib.contextmanager
def disabled_on_cpu():
    """Runs what is inside without Grappler, if there is no GPU.

    Grappler looks over every graph before its first run. For the training step of
    the full-size network that takes 13 s, and the step is then slower: sums become
    chains of accumulations, at a quarter more CPU time. Inference loses the
    folding of normalisation into convolutions, a tenth of its time. On a GPU
    Grappler chooses the layout of convolutions, so there it stays.
    """
    before = tf.config.optimizer.get_experimental_options().get(_OFF, False)
    is_off = before or not tf.config.list_physical_devices("GPU")
    tf.config.optimizer.set_experimental_options({_OFF: is_off})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({_OFF: before})
