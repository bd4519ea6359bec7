"""Batch normalisation as one fused operation, for frozen networks too."""

import contextlib

import keras
from keras import ops


@keras.saving.register_keras_serializable("selene_tf")
class BatchNorm(keras.layers.BatchNormalization):
    """Batch normalisation of 4-D features with PyTorch's conventions.

    Four things differ from Keras's layer:

    - Defaults are those of the official network: epsilon 1e-5 and a momentum
      of 0.9, which PyTorch writes as 0.1.
    - The moving variance is of the unbiased kind, over all replicas if
      synchronised.
    - With `training=True` a *frozen* layer (`trainable=False`) normalises with
      the batch's statistics and leaves its moving statistics alone.
    - `moving_statistics` decides for a network's passes whether they move the moving
      statistics, whether it is frozen or not: strongly augmented images should not,
      those that a frozen teacher is shown should.
    - On TensorFlow, unless in synchronised training or in float64, it is the
      one fused operation. Keras writes it out in a dozen small ones, which take
      longer to trace and to run.

    Input and output shape: (batch, height, width, channels)
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(momentum=momentum, epsilon=epsilon, **kwargs)
        # Set by `moving_statistics` while a pass is traced.
        self._move_by = None
        # Set by `batch_moments` likewise.
        self._keeps_moments = False

    def call(self, inputs, training=False, mask=None):
        # Keras's layer has a mask, and so has what stands in its place in a copy.
        del mask
        if self._can_be_fused(training):
            return self._fused(inputs, training)
        if training:
            return self._with_batch_statistics(inputs)
        return super().call(inputs, training=False)

    def _can_be_fused(self, training):
        on_tensorflow = keras.backend.backend() == "tensorflow"
        shares = training and self.synchronized
        return on_tensorflow and not shares and self.compute_dtype != "float64"

    def _with_batch_statistics(self, inputs):
        # In the variables' precision, which is float32 under mixed precision.
        features = ops.cast(inputs, self.variable_dtype)
        mean, variance = self._moments(features)
        if self._moves():
            self._move(self.moving_mean, mean)
            count = _count(inputs, features.dtype)
            count = count * getattr(self._replica(), "num_replicas_in_sync", 1)
            unbiased = variance * count / ops.maximum(count - 1.0, 1.0)
            self._move(
                self.moving_variance, variance if self._keeps_moments else unbiased
            )
        outputs = ops.batch_normalization(
            features,
            mean,
            variance,
            axis=-1,
            offset=self.beta,
            scale=self.gamma,
            epsilon=self.epsilon,
        )
        return ops.cast(outputs, self.compute_dtype)

    def _moments(self, features):
        mean, variance = ops.moments(features, axes=(0, 1, 2))
        replica = self._replica()
        if replica is None:
            return mean, variance
        # Each replica has as many values. Keras takes the mean of squares less the
        # square of the mean, which costs digits.
        common = replica.all_reduce("mean", mean)
        apart = ops.square(mean - common)
        return common, replica.all_reduce("mean", variance + apart)

    def _moves(self):
        """Whether a pass in training mode moves the moving statistics."""
        return self.trainable if self._move_by is None else self._move_by is not False

    def _replica(self):
        """TensorFlow's replica context, if statistics are shared in it."""
        if not self.synchronized or keras.backend.backend() != "tensorflow":
            return None
        import tensorflow as tf

        replica = tf.distribute.get_replica_context()
        return replica if replica.num_replicas_in_sync > 1 else None

    def _fused(self, inputs, training):
        import tensorflow as tf

        moves = training and self._moves()
        # By a tensor the operation cannot move them itself.
        by_itself = moves and not self._keeps_moments and not self._is_conditional()
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=ops.cast(inputs, self.compute_dtype),
            scale=self.gamma.value,
            offset=self.beta.value,
            mean=self.moving_mean.value,
            variance=self.moving_variance.value,
            epsilon=self.epsilon,
            # The operation moves the statistics itself, with the unbiased
            # variance, as PyTorch keeps it; Keras would keep the biased one.
            exponential_avg_factor=1.0 - self.momentum if by_itself else 1.0,
            is_training=bool(training),
        )
        if by_itself:
            self.moving_mean.assign(mean)
            self.moving_variance.assign(variance)
        elif moves:
            if self._keeps_moments:
                count = _count(inputs, variance.dtype)
                variance = variance * ops.maximum(count - 1.0, 1.0) / count
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance)
        return outputs

    def _is_conditional(self):
        return self._move_by is not None and not isinstance(self._move_by, bool)

    def _move(self, moving, batch):
        if self._keeps_moments:
            value = batch
        else:
            value = self.momentum * moving + (1.0 - self.momentum) * batch
        if self._is_conditional():
            value = ops.where(self._move_by, value, moving)
        if self._replica() is None:
            moving.assign(value)
            return
        import tensorflow as tf

        # Each replica its own copy: `assign` would average what is the same already.
        tf.raw_ops.AssignVariableOp(resource=moving.value.handle, value=value)


def _count(inputs, dtype):
    """Values of each channel in a batch."""
    return ops.cast(ops.prod(ops.shape(inputs)[:3]), dtype)


@contextlib.contextmanager
def moving_statistics(network, move):
    """Decides whether passes of a network in training mode move its statistics.

    Inside of the block `network(images, training=True)` normalises with the batch's
    statistics as ever, and moves the moving ones or not, whether the network is frozen
    or not. It works on what is traced inside.

    Args:
        network: A Keras model or layer.
        move: True or False; or, on TensorFlow, a bool scalar, by which one graph does
            either. Where it is False the statistics stay to the bit.

    Example:
        >>> import keras
        >>> network = keras.Sequential([keras.Input((4, 4, 3)), BatchNorm()])
        >>> with moving_statistics(network, False):
        ...     _ = network(keras.ops.ones((2, 4, 4, 3)), training=True)
        >>> print(network.layers[0].moving_mean.numpy())
        [0. 0. 0.]
    """
    with _set_on_layers(network, "_move_by", move):
        yield


@contextlib.contextmanager
def batch_moments(network):
    """Makes passes in training mode put a batch's moments in place of the moving ones.

    The variance is then the population's, over all of the batch's values, not the
    unbiased one. Frozen or not; on what is traced inside of the block.

    Args:
        network: A Keras model or layer.
    """
    with (
        moving_statistics(network, True),
        _set_on_layers(network, "_keeps_moments", True),
    ):
        yield


@contextlib.contextmanager
def _set_on_layers(network, name, value):
    layers = [x for x in network._flatten_layers() if isinstance(x, BatchNorm)]
    before = [getattr(layer, name) for layer in layers]
    for layer in layers:
        setattr(layer, name, value)
    try:
        yield
    finally:
        for layer, earlier in zip(layers, before, strict=True):
            setattr(layer, name, earlier)
