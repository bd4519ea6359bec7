"""SGD with momentum and weight decay as PyTorch computes them."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("selene_tf")
class TorchSGD(keras.optimizers.Optimizer):
    """Stochastic gradient descent with PyTorch's momentum and weight decay.

    With learning rate r, momentum m and decay d, for a weight w, gradient g:

        v <- m v + (g + d w),    w <- w - r v

    Keras's SGD decays the weight beside the momentum, and its velocity holds
    the learning rate of earlier steps. The published settings are PyTorch's.

    Args:
        learning_rate: Number or schedule.
        momentum: m.
        weight_decay: d. Normalisation scales and offsets do not decay
            (official DynamicRouting code; convolution biases do).
    """

    def __init__(self, learning_rate, momentum=0.9, weight_decay=0.0, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum = momentum
        # Not under Keras's name `weight_decay`, which would decay once more.
        self.coupled_weight_decay = weight_decay

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.velocities = self.add_optimizer_variables(variables, "velocity")
        # Decided here: under TensorFlow the update sees variables without paths.
        self.decaying = [decays(variable) for variable in variables]

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        velocity = self.velocities[index]
        gradient = ops.cast(gradient, variable.dtype)
        if self.coupled_weight_decay and self.decaying[index]:
            gradient = gradient + self.coupled_weight_decay * variable
        new = self.momentum * velocity + gradient
        self.assign(velocity, new)
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * new)

    def get_config(self):
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "weight_decay": self.coupled_weight_decay,
        }


def decays(variable):
    """Whether weight decay applies: to all but normalisation."""
    return not variable.path.endswith(("/gamma", "/beta"))
