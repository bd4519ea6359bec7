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
    - On TensorFlow, outside of synchronised training, it is the one fused
      operation. Keras writes it out in a dozen small ones, which take longer
      to trace and to run.

    Input and output shape: (batch, height, width, channels)
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(momentum=momentum, epsilon=epsilon, **kwargs)

    def call(self, inputs, training=False):
        if keras.backend.backend() == "tensorflow" and not self.synchronized:
            return self._fused(inputs, training)
        if training:
            return self._with_batch_statistics(inputs)
        return super().call(inputs, training=False)

    def _with_batch_statistics(self, inputs):
        features = ops.cast(inputs, "float32")
        mean, variance = ops.moments(
            features, axes=(0, 1, 2), synchronized=self.synchronized
        )
        if self.trainable:
            self._move(self.moving_mean, mean)
            count = ops.cast(ops.prod(ops.shape(inputs)[:3]), "float32")
            count = count * self._num_replicas()
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

    def _num_replicas(self):
        if not self.synchronized or keras.backend.backend() != "tensorflow":
            return 1
        import tensorflow as tf

        return tf.distribute.get_replica_context().num_replicas_in_sync

    def _fused(self, inputs, training):
        import tensorflow as tf

        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=ops.cast(inputs, self.compute_dtype),
            scale=ops.cast(self.gamma, "float32"),
            offset=ops.cast(self.beta, "float32"),
            mean=ops.cast(self.moving_mean, "float32"),
            variance=ops.cast(self.moving_variance, "float32"),
            epsilon=self.epsilon,
            is_training=bool(training),
        )
        if training and self.trainable:
            self._move(self.moving_mean, mean)
            # The fused operation returns the unbiased variance, as PyTorch
            # keeps it; Keras's own layer would keep the biased one.
            self._move(self.moving_variance, variance)
        return outputs

    def _move(self, moving, batch):
        moving.assign_sub((moving - batch) * (1.0 - self.momentum))
