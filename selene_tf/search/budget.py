"""The budget loss: it draws the expected cost of pictures to a share of the whole."""

import dataclasses
from collections.abc import Callable

from selene_tf import losses
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
        """What each picture is expected to cost, (batch,), see `expected`."""
        return expected_cost.expected(self.table, gates)

    def loss(self, mean_cost, step):
        """The weighted loss, a scalar.

        Args:
            mean_cost: Mean of `costs` over the pictures of all replicas: the loss
                is of the batch's mean and not a mean over the batch.
            step: Steps taken so far.
        """
        return self.weight(step) * losses.budget(
            mean_cost, self.total, self.target_share
        )
