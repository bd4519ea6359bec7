"""How the learning rate and the weights of losses move with the step."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable("selene_tf")
class PolyWithWarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Polynomial decay times a linear warm-up.

    At step t of T: initial * (1 - t / T) ** power * w, where w rises linearly
    from `warm_up_factor` to 1 over the first `warm_up_steps`. Both count from
    step 0 (official DynamicRouting code). The power and the initial rate of
    0.02 are SELENE's, section 5.2.

    Args:
        initial: Learning rate without warm-up at step 0.
        steps: Length of the training T.
        power: Exponent of the decay.
        warm_up_steps: Length of the warm-up; 0 leaves it out.
        warm_up_factor: Where the warm-up starts.
    """

    def __init__(self, initial, steps, power=0.9, warm_up_steps=0, warm_up_factor=1e-3):
        super().__init__()
        self.initial = initial
        self.steps = steps
        self.power = power
        self.warm_up_steps = warm_up_steps
        self.warm_up_factor = warm_up_factor

    def __call__(self, step):
        step = ops.cast(step, "float32")
        left = ops.maximum(1.0 - step / self.steps, 0.0)
        rate = self.initial * ops.power(left, self.power)
        if not self.warm_up_steps:
            return rate
        progress = ops.minimum(step / self.warm_up_steps, 1.0)
        return rate * (self.warm_up_factor * (1.0 - progress) + progress)

    def get_config(self):
        return {
            "initial": self.initial,
            "steps": self.steps,
            "power": self.power,
            "warm_up_steps": self.warm_up_steps,
            "warm_up_factor": self.warm_up_factor,
        }


def ramp_up(weight, steps):
    """A weight that rises over the first steps: weight * exp(-5 (1 - t / T)^2).

    The sigmoid-shaped ramp of Laine and Aila (2017), https://arxiv.org/abs/1610.02242.
    SELENE has none, which `steps=0` gives; a network that starts without
    ImageNet weights needs one, since its first teachers know nothing.

    Returns:
        A function from the step to the weight.
    """

    def at(step):
        if not steps:
            return ops.convert_to_tensor(float(weight))
        left = 1.0 - ops.minimum(ops.cast(step, "float32") / steps, 1.0)
        return weight * ops.exp(-5.0 * ops.square(left))

    return at


def budget_warm_up(weight, steps, start=0.4, length=0.02):
    """A weight that is 0 at first, and then soon rises linearly to its value.

    The gates learn which routes are good before they have to save any. At step t
    of T: weight * min(1, (t / T - start) / length), and 0 before `start`. The
    official DynamicRouting code has these numbers, the paper has none of it.

    Args:
        weight: The weight after the rise.
        steps: Length of the training T.
        start: Share of the training before the rise.
        length: Share of the training that the rise takes; 0 makes it a jump.

    Returns:
        A function from the step to the weight.
    """

    def at(step):
        after = ops.cast(step, "float32") / steps - start
        if not length:
            return weight * ops.cast(after >= 0, "float32")
        return weight * ops.clip(after / length, 0.0, 1.0)

    return at


def steps_per_epoch(num_labelled, num_unlabelled, batch_size):
    """Steps of one pass over the larger set (SELENE, algorithm 1)."""
    return math.ceil(max(num_labelled, num_unlabelled) / batch_size)
