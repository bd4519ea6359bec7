"""SGD with momentum and weight decay as PyTorch computes them."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("selene_tf")
class TorchSGD(keras.optimizers.Optimizer):
    """Stochastic gradient descent with PyTorch's momentum and weight decay.

    With learning rate r, momentum m and decay d, for a weight w, gradient g:

        v <- m v + (g + d w),    w <- w - r v

    Keras's SGD decays the weight beside the momentum, and its velocity holds
    the learning rate of earlier steps. The published settings are PyTorch's.

    Under a distribution strategy the gradients must be the same on all replicas
    (`Algorithm.train_step` averages them): each replica then updates its own
    copy. Keras's optimisers would sum them once more.

    Args:
        learning_rate: Number or schedule.
        momentum: m.
        weight_decay: d. Normalisation scales and offsets do not decay
            (official DynamicRouting code; convolution biases do).
        gate_multiplier: Factor on the learning rate of the cells' gates (2.5 in
            the official configurations that start from ImageNet weights).
        encoder_multiplier: Factor on the learning rate of the encoder's weights.
        encoder_paths: Paths of the encoder's variables.
    """

    def __init__(
        self,
        learning_rate,
        momentum=0.9,
        weight_decay=0.0,
        gate_multiplier=1.0,
        encoder_multiplier=1.0,
        encoder_paths=(),
        name="torch_sgd",
    ):
        super().__init__(learning_rate=learning_rate, name=name)
        self.momentum = momentum
        # Not under Keras's name `weight_decay`, which would decay once more.
        self.coupled_weight_decay = weight_decay
        self.gate_multiplier = gate_multiplier
        self.encoder_multiplier = encoder_multiplier
        self.encoder_paths = frozenset(encoder_paths)
        # TensorFlow's own, which Keras does not count among the optimiser's variables:
        # checkpoints have it as a number of the run's progress.
        self.rate_factor = tf.Variable(1.0, trainable=False, name="rate_factor")

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.velocities = self.add_optimizer_variables(variables, "velocity")

    def apply(self, grads, trainable_variables, finite=True):
        """One step, each weight in one operation.

        Keras's own loop makes, of each of a thousand weights, twenty nodes of
        the graph; that was half of the time to trace a training step.

        Args:
            grads: Gradients, one for each variable.
            trainable_variables: The variables.
            finite: Bool scalar. Where it is False the gradients have to be 0, and
                weights and velocities stay as they are to the bit; the step counts.
        """
        self.build(trainable_variables)
        dtype = trainable_variables[0].dtype
        rate = tf.cast(self.learning_rate, dtype) * tf.cast(self.rate_factor, dtype)
        # By numbers and not by a branch, which would hand on every variable.
        rate = tf.where(finite, rate, tf.zeros((), dtype))
        rates = {
            factor: factor * rate
            for factor in (1.0, self.gate_multiplier, self.encoder_multiplier)
        }
        momentum = tf.where(finite, tf.constant(self.momentum, dtype), 1.0)
        decay = tf.where(finite, tf.constant(self.coupled_weight_decay, dtype), 0.0)
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            if self.coupled_weight_decay and decays(variable):
                gradient = gradient + decay * variable.value
            velocity = self.velocities[self._get_variable_index(variable)]
            tf.raw_ops.ResourceApplyMomentum(
                var=variable.value.handle,
                accum=velocity.value.handle,
                lr=rates[self._multiplier(variable)],
                grad=gradient,
                momentum=momentum,
            )
        self.iterations.assign_add(1)

    def _multiplier(self, variable):
        if is_gate(variable):
            return self.gate_multiplier
        is_encoders = variable.path in self.encoder_paths
        return self.encoder_multiplier if is_encoders else 1.0

    def get_config(self):
        config = super().get_config()
        # What Keras's optimisers do beside, clipping above all, this one does not.
        return {
            "name": config["name"],
            "learning_rate": config["learning_rate"],
            "momentum": self.momentum,
            "weight_decay": self.coupled_weight_decay,
            "gate_multiplier": self.gate_multiplier,
            "encoder_multiplier": self.encoder_multiplier,
            "encoder_paths": sorted(self.encoder_paths),
        }


def decays(variable):
    """Whether weight decay applies: to all but normalisation."""
    return not variable.path.endswith(("/gamma", "/beta"))


def is_gate(variable):
    """Whether it belongs to the gate of a cell."""
    return "/gate/" in variable.path
