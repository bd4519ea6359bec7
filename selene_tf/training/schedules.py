"""How the learning rate and the weights of losses move with the step."""

import math

import keras
from keras import ops

# The share of a weight, by the share of its ramp that is over.
RAMPS = {
    "sigmoid": lambda done: ops.exp(-5.0 * ops.square(1.0 - done)),
    "linear": lambda done: done,
}


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


def ramp_up(weight, steps, shape="sigmoid"):
    """A weight that rises over the first steps.

    At step t of T, "sigmoid" is weight * exp(-5 (1 - t / T)^2), the ramp of Laine
    and Aila (2017), https://arxiv.org/abs/1610.02242, which is slow at first, and
    "linear" is weight * t / T; both stay at the weight afterwards. SELENE has no
    ramp, which `steps=0` gives; a network that starts without ImageNet weights
    needs one, since its first teachers know nothing.

    Args:
        weight: The weight after the rise.
        steps: Length of the rise T; 0 leaves it out.
        shape: "sigmoid" or "linear".

    Returns:
        A function from the step to the weight.

    Raises:
        ValueError: `shape` is another one.
    """
    if shape not in RAMPS:
        raise ValueError(f"shape must be one of {sorted(RAMPS)}, but is {shape!r}.")

    def at(step):
        if not steps:
            return ops.convert_to_tensor(float(weight))
        done = ops.minimum(ops.cast(step, "float32") / steps, 1.0)
        return weight * RAMPS[shape](done)

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
