"""The pretext task as the algorithms see it: heads and a loss."""

import dataclasses

from selene_tf import losses


@dataclasses.dataclass(frozen=True)
class PretextLoss:
    """Telling what was done to an image, beside segmenting it.

    SELENE, section 3.1: the mean cross entropy over the labelled images plus that
    over the unlabelled ones. The sum over all permutations there is an expectation
    here: each image has one at each step. Images that were left as they are have
    no such loss, and the means are over the others.

    Attributes:
        name: Name of its loss, "jigsaw" or "rotation".
        weight: The paper's lambda 1.
        heads: Name of a trained network to its `PretextHead`, built.
    """

    name: str
    weight: float
    heads: dict

    def loss(self, network, features, labels, shares):
        """The weighted loss of one of the two batches.

        Args:
            network: Name of the network.
            features: Its output of that name for the batch.
            labels: int32 (batch,), -1 for images without the task.
            shares: float32 (batch,), `losses.task_weights` of the whole step.

        Returns:
            (batch,)
        """
        logits = self.heads[network](features, training=True)
        return self.weight * losses.pretext_cross_entropy(labels, logits, shares)
