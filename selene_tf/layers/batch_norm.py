"""Batch normalisation as one operation, and for a frozen network too."""

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
      the batch's statistics and leaves its moving statistics alone. A mean
      teacher needs just that: its targets come from batch statistics, its
      moving statistics from the student's by averaging.
    - On TensorFlow, unless in synchronised training or in float64, it is the
      one fused operation. Keras writes it out in a dozen small ones, which take
      longer to trace and to run.

    Input and output shape: (batch, height, width, channels)
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(momentum=momentum, epsilon=epsilon, **kwargs)

    def call(self, inputs, training=False):
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
        if self.trainable:
            self._move(self.moving_mean, mean)
            count = ops.cast(ops.prod(ops.shape(inputs)[:3]), features.dtype)
            count = count * getattr(self._replica(), "num_replicas_in_sync", 1)
            unbiased = variance * count / ops.maximum(count - 1.0, 1.0)
            self._move(self.moving_variance, unbiased)
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

    def _replica(self):
        """TensorFlow's replica context, if statistics are shared in it."""
        if not self.synchronized or keras.backend.backend() != "tensorflow":
            return None
        import tensorflow as tf

        replica = tf.distribute.get_replica_context()
        return replica if replica.num_replicas_in_sync > 1 else None

    def _fused(self, inputs, training):
        import tensorflow as tf

        moves = training and self.trainable
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=ops.cast(inputs, self.compute_dtype),
            scale=self.gamma.value,
            offset=self.beta.value,
            mean=self.moving_mean.value,
            variance=self.moving_variance.value,
            epsilon=self.epsilon,
            # The operation moves the statistics itself, with the unbiased
            # variance, as PyTorch keeps it; Keras would keep the biased one.
            exponential_avg_factor=1.0 - self.momentum if moves else 1.0,
            is_training=bool(training),
        )
        if moves:
            self.moving_mean.assign(mean)
            self.moving_variance.assign(variance)
        return outputs

    def _move(self, moving, batch):
        value = self.momentum * moving + (1.0 - self.momentum) * batch
        if self._replica() is None:
            moving.assign(value)
            return
        import tensorflow as tf

        # Each replica its own copy: `assign` would average what is the same already.
        tf.raw_ops.AssignVariableOp(resource=moving.value.handle, value=value)
