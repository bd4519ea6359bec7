"""Training on the labelled images alone: the control for everything else."""

from selene_tf.algorithms.base import Algorithm


class Supervised(Algorithm):
    """The supervised loss on labelled images, SELENE's equation (1).

    With a pretext task, unlabelled images teach that task: SELENE with lambda 2
    = 0.

    Args:
        network: The routing network.
        max_gradient_norm: Global norm to which gradients are clipped.

    Keyword arguments are those of `Algorithm`.
    """

    def __init__(self, network, max_gradient_norm, **kwargs):
        super().__init__({"student": network}, "student", max_gradient_norm, **kwargs)

    def compute_losses(self, batch):
        if self.pretext is None:
            # Unlabelled images have nothing to say, statistics included.
            batch = {
                name: batch[name] for name in ("image", "label", "label_pixel_weight")
            }
        outputs = self.forward("student", batch)
        return {
            "supervised": self.supervised_losses(batch, outputs["labelled"]),
            **self.side_losses("student", batch, outputs),
        }
