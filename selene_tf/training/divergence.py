"""Steps whose numbers are not finite: told, counted, and their statistics mended."""

import numpy as np

from selene_tf.errors import TrainingDiverged

# Steps in a row that were skipped, after which the training has diverged.
MAX_SKIPPED = 3
_ADVICE = (
    "the training diverged: lower --learning_rate or lengthen --warm_up_steps, and "
    "start anew with another --run_dir."
)


def is_skipped(losses):
    """Whether a step moved no weight, since a gradient was not finite.

    Args:
        losses: What the step returned, "gradient_norm" of each trained network among
            it.
    """
    norms = [x for name, x in losses.items() if name.startswith("gradient_norm")]
    return not all(map(np.isfinite, norms))


def too_many_skipped(step):
    """The `TrainingDiverged` for steps in a row, up to this one."""
    return TrainingDiverged(
        f"the gradients of {MAX_SKIPPED} steps in a row, up to step {step}, are not "
        f"finite; {_ADVICE}"
    )


def check_losses(step, losses):
    """Refuses losses that are not finite though the gradients are.

    Raises:
        TrainingDiverged: names the loss.
    """
    for name, value in losses.items():
        if not np.isfinite(value).all():
            raise TrainingDiverged(f"{name} is {value} at step {step}; {_ADVICE}")


def check_variables(step, values):
    """Refuses variables that are not finite, before they are saved.

    Args:
        step: The step that they are the state after.
        values: Name to TensorFlow variable.

    Raises:
        TrainingDiverged: names the variable.
    """
    for name, value in values.items():
        if value.dtype.is_floating and not np.isfinite(value.numpy()).all():
            raise TrainingDiverged(
                f"{name} is not finite after step {step}, and no checkpoint was "
                f"written; {_ADVICE}"
            )


class StatisticsBackup:
    """Keeps the networks' moving statistics as they were at the last checkpoint.

    The forward pass of a step that is then skipped has moved them already. They forget
    what is older than some dozens of steps, so that those of the last checkpoint do.

    Args:
        variables: Name to Keras variable, of all that a run has.
    """

    def __init__(self, variables):
        self._statistics = [
            variable
            for name, variable in variables.items()
            if name.rpartition("/")[2].startswith("moving_")
        ]
        self.take()

    def take(self):
        """Keeps those that are there now."""
        self._values = [variable.numpy() for variable in self._statistics]

    def mend(self):
        """Puts back those that are not finite."""
        for variable, value in zip(self._statistics, self._values, strict=True):
            if not np.isfinite(variable.numpy()).all():
                variable.assign(value)
