"""Two networks that label images for each other."""

from keras import ops

from selene_tf import losses
from selene_tf.algorithms.base import PREFIXES, Algorithm


class CrossPseudo(Algorithm):
    """Cross pseudo supervision, which SELENE calls co-teaching (section 3.3).

    Two networks of the same shape and other initial weights. Each learns from the
    labels (equation 7) and from the classes that the other finds most probable, in
    the same forward pass, on labelled and unlabelled images (equations 5 and 6).
    No gradient goes through the choice of a class. Each has gates of its own, and
    the first one is deployed.

    As in the code that the paper's numbers come from, equation 6 is one mean over
    both batches and not the sum of two, and there is neither a threshold nor a
    ramp. Unlike there, padded pixels are left out, and each image counts the same.

    Args:
        first: The network that is deployed.
        second: The other.
        cross_pseudo_weight: Function from the step to the weight of the loss
            between them, the paper's lambda 2.
        max_gradient_norm: Global norm to which each network's gradients are clipped.
        mask_padding: Whether padded pixels are left out.

    Keyword arguments are those of `Algorithm`.

    Reference: Chen et al. 2021, https://arxiv.org/abs/2106.01226
    """

    def __init__(
        self,
        first,
        second,
        cross_pseudo_weight,
        max_gradient_norm,
        mask_padding=True,
        **kwargs,
    ):
        networks = {"first": first, "second": second}
        super().__init__(networks, "first", max_gradient_norm, **kwargs)
        self.cross_pseudo_weight = cross_pseudo_weight
        self.mask_padding = mask_padding

    def compute_losses(self, batch):
        outputs = {name: self.forward(name, batch) for name in self.networks}
        weight = self.cross_pseudo_weight(self.optimizer.iterations)
        consistency_losses = [
            self._consistency_loss(outputs, which, batch[f"{prefix}valid"])
            for which, prefix in PREFIXES.items()
        ]
        found = {"cross_pseudo": weight * ops.concatenate(consistency_losses)}
        for name, own in outputs.items():
            logits = own["labelled"]["logits"]
            loss = self.supervised_loss(batch["label"], logits)
            found[f"supervised_{name}"] = loss
            found |= self.side_losses(name, batch, own)
        return found

    def _consistency_loss(self, outputs, which, valid):
        valid = valid if self.mask_padding else ops.ones_like(valid)
        first, second = (own[which]["logits"] for own in outputs.values())
        return losses.pseudo_label_cross_entropy(
            first, second, valid
        ) + losses.pseudo_label_cross_entropy(second, first, valid)
