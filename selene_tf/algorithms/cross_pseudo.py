"""Two networks that label images for each other."""

from keras import ops

from selene_tf import losses
from selene_tf.algorithms import replicas
from selene_tf.algorithms.base import PREFIXES, Algorithm


class CrossPseudo(Algorithm):
    """Cross pseudo supervision, which SELENE calls co-teaching (section 3.3).

    Two networks of the same shape and other initial weights. Each learns from the
    labels (equation 7) and from the classes that the other finds most probable, in
    the same forward pass, on labelled and unlabelled images (equations 5 and 6).
    No gradient goes through the choice of a class. Each has gates of its own, and
    the first one is deployed.

    As in the code that the paper's numbers come from, equation 6 is one mean over
    all pixels of both batches and not the sum of two, and there is neither a threshold
    nor a ramp. Unlike there, padded pixels are left out.

    In the log, `confident_share` is the share of the unlabelled pixels that teach,
    which is all of them, and `confident_classes` which classes the first network
    teaches.

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

    monitored = ("confident_share", "confident_classes")

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

    def pixel_weights(self, batch):
        masks = [self._valid(batch, prefix) for prefix in PREFIXES.values()]
        return {
            **super().pixel_weights(batch),
            "pseudo_label_pixel_weight": losses.pixel_weight(masks, replicas.gather),
            "unlabelled_pixel_weight": losses.pixel_weight(
                [self._valid(batch, PREFIXES["unlabelled"])], replicas.gather
            ),
        }

    def teaches(self):
        return self.cross_pseudo_weight(self.optimizer.iterations) > 0

    def compute_losses(self, batch):
        outputs = {name: self.forward(name, batch) for name in self.networks}
        pseudo_label_losses = ops.concatenate(
            [self._pseudo_label_losses(outputs, which, batch) for which in PREFIXES]
        )
        weight = self.cross_pseudo_weight(self.optimizer.iterations)
        weight = ops.cast(weight, pseudo_label_losses.dtype)
        shares = losses.confident_shares(
            outputs["first"]["unlabelled"]["logits"],
            self._valid(batch, PREFIXES["unlabelled"]),
            weight=batch["unlabelled_pixel_weight"],
        )
        results = {
            "cross_pseudo": weight * pseudo_label_losses,
            "confident_share": ops.sum(shares, axis=-1),
            "confident_classes": shares,
        }
        for name, own in outputs.items():
            supervised = self.supervised_losses(batch, own["labelled"])
            results[f"supervised_{name}"] = supervised
            results |= self.side_losses(name, batch, own)
        return results

    def _valid(self, batch, prefix):
        valid = batch[f"{prefix}valid"]
        return valid if self.mask_padding else ops.ones_like(valid)

    def _pseudo_label_losses(self, outputs, which, batch):
        valid = self._valid(batch, PREFIXES[which])
        weight = batch["pseudo_label_pixel_weight"]
        first, second = (own[which]["logits"] for own in outputs.values())
        return losses.pseudo_label_cross_entropy(
            first, second, valid, weight=weight
        ) + losses.pseudo_label_cross_entropy(second, first, valid, weight=weight)
