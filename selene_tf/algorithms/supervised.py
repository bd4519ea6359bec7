"""Training on the labelled pictures alone: the control for everything else."""

from selene_tf import losses
from selene_tf.algorithms.algorithm import Algorithm


class Supervised(Algorithm):
    """Cross entropy on labelled pictures, SELENE's equation (1).

    Args:
        network: The routing network.
        max_gradient_norm: Global norm to which gradients are clipped.

    Keyword arguments are those of `Algorithm`.
    """

    def __init__(self, network, max_gradient_norm, **kwargs):
        super().__init__({"student": network}, "student", max_gradient_norm, **kwargs)

    def compute_losses(self, batch):
        outputs = self.networks["student"](batch["image"], training=True)
        return {
            "supervised": losses.cross_entropy(batch["label"], outputs["logits"]),
            **self.budget_losses(outputs["gates"]),
        }
