"""The budget loss: it draws the expected cost of images to a share of the whole."""

import dataclasses
from collections.abc import Callable

from keras import ops

from selene_tf.architectures import expected_cost
from selene_tf.architectures.cost_table import CostTable


@dataclasses.dataclass(frozen=True)
class Budget:
    """What the cells and routes may cost, as a loss that the gates learn from.

    Attributes:
        table: Costs of the parts for one training crop.
        total: The cost that counts as 1, in the table's unit.
        target_share: Share of the total that the loss is smallest at.
        weight: Function from the step to the loss's weight.

    Reference: Li et al. 2020, https://arxiv.org/abs/2003.10401, section 3.4.
    """

    table: CostTable
    total: float
    target_share: float
    weight: Callable

    def costs(self, gates):
        """What each image is expected to cost, (batch,), see `expected`."""
        return expected_cost.expected(self.table, gates)

    def loss(self, mean_cost, step):
        """The weighted loss, a scalar.

        Args:
            mean_cost: Mean of `costs` over the images of all replicas: the loss
                is of the batch's mean and not a mean over the batch.
            step: Steps taken so far.
        """
        return self.weight(step) * budget_loss(mean_cost, self.total, self.target_share)


def budget_loss(mean_cost, total, target_share):
    """Squared distance of the expected cost from its budget: (C / total - mu)^2.

    The budget constraint of Li et al. 2020, https://arxiv.org/abs/2003.10401,
    section 3.4. As in the official code, C is the mean over the batch: images
    may cost more or less, if together they keep to the budget. A mean of each
    image's or each replica's loss would be larger, so the caller averages the
    costs first, over the images of all replicas. The weight, and when it
    starts, is `schedules.budget_warm_up`.

    Args:
        mean_cost: Scalar, the mean of the images' expected costs.
        total: Cost of which the budget is a share, in the same unit.
        target_share: The share mu to keep to, in [0, 1].

    Returns:
        A scalar in the type of `mean_cost`.
    """
    return ops.square(mean_cost / total - target_share)
