"""A student that agrees with the moving average of itself."""

import tensorflow as tf
from keras import ops

from selene_tf import losses
from selene_tf.algorithms import replicas
from selene_tf.algorithms.base import PREFIXES, Algorithm
from selene_tf.data.augmentation import cutmix
from selene_tf.layers.batch_norm import moving_statistics


class MeanTeacher(Algorithm):
    """Mean teacher, SELENE's section 3.2.

    The student learns from the labels (equation 1) and from the teacher's
    outputs on the same tensors, labelled and unlabelled (equation 3). The
    teacher starts as a copy, and its weights then follow by exponential moving
    average after each of the student's steps (equation 2).

    Departures from the paper's text, as in the code that its numbers come from:

    - Equation 4 puts the *teacher's* output into the supervised loss, which has
      no gradient to the student; here it is the student's.
    - Equation 3 adds a labelled and an unlabelled mean; here it is one mean over
      both batches, for which the weight of 100 was tuned.
    - The teacher's targets come from batch statistics, and what it is shown moves its
      own moving statistics, with which it is scored and exported. An average of the
      student's would belong to other weights and, with strong augmentation, to other
      images. Where it normalises with moving statistics (`teacher_statistics="moving"`)
      they are averaged like the weights.

    Not the paper's at all: a batch with a strong view of its unlabelled images
    (`data.strong_view`). The student sees that view and the teacher the images
    themselves; what CutMix put into another image it also puts into the teacher's
    outputs. Labelled images then teach by their labels alone (UniMatch, Yang et
    al. 2023, https://arxiv.org/abs/2208.09910).

    Args:
        student: The network that is trained.
        teacher: A network of the same shape; its weights are overwritten.
        consistency_weight: Function from the step to the weight of the
            consistency loss, the paper's lambda 2.
        ema_momentum: Share of the teacher that each step keeps, the paper's
            alpha.
        ema_warm_up: Whether step t keeps at most 1 - 1 / t, so that the teacher
            is the mean of all students at first.
        consistency_loss: The loss, from the student's logits, the teacher's, a mask of
            valid pixels and `weight`, what one of these counts, to a value an image.
        confidence_threshold: Probability that a class has to reach to be one of the
            pixels in the log's `confident_share` and `confident_classes`; the loss has
            its own.
        teacher_statistics: What the teacher normalises its targets with, "batch"
            or "moving".
        mask_padding: Whether padded pixels are left out of the consistency loss;
            False as in the code that the paper's numbers come from.
        deployed: "teacher" or "student".
        max_gradient_norm: Global norm to which gradients are clipped.

    Keyword arguments are those of `Algorithm`.
    """

    monitored = ("confident_share", "confident_classes")

    def __init__(  # noqa: PLR0913 (the two networks and the choices of section 3.2)
        self,
        student,
        teacher,
        consistency_weight,
        max_gradient_norm,
        ema_momentum=0.99,
        deployed="teacher",
        *,
        ema_warm_up=False,
        consistency_loss=losses.consistency,
        confidence_threshold=0.0,
        teacher_statistics="batch",
        mask_padding=True,
        **kwargs,
    ):
        teacher.trainable = False
        networks = {"student": student, "teacher": teacher}
        super().__init__(networks, deployed, max_gradient_norm, **kwargs)
        self.consistency_weight = consistency_weight
        self.ema_momentum = ema_momentum
        self.ema_warm_up = ema_warm_up
        self.consistency_loss = consistency_loss
        self.confidence_threshold = confidence_threshold
        self.teacher_statistics = teacher_statistics
        self.mask_padding = mask_padding
        self.on_weights_loaded()

    def on_weights_loaded(self):
        self.networks["teacher"].set_weights(self.networks["student"].get_weights())

    def pixel_weights(self, batch):
        masks = [self._valid(batch, which) for which in self._compared(batch)]
        return {
            **super().pixel_weights(batch),
            "consistency_pixel_weight": losses.pixel_weight(masks, replicas.gather),
            "unlabelled_pixel_weight": losses.pixel_weight(
                [self._valid(batch, "unlabelled")], replicas.gather
            ),
        }

    def teaches(self):
        return self.consistency_weight(self.optimizer.iterations) > 0

    def compute_losses(self, batch):
        outputs = self.forward("student", batch)
        targets = {
            which: self._targets(batch, which) for which in self._compared(batch)
        }
        consistency_losses = [
            self.consistency_loss(
                outputs[which]["logits"],
                target,
                self._valid(batch, which),
                weight=batch["consistency_pixel_weight"],
            )
            for which, target in targets.items()
        ]
        shares = losses.confident_shares(
            targets["unlabelled"],
            self._valid(batch, "unlabelled"),
            self.confidence_threshold,
            batch["unlabelled_pixel_weight"],
        )
        consistency_losses = ops.concatenate(consistency_losses)
        weight = self.consistency_weight(self.optimizer.iterations)
        weight = ops.cast(weight, consistency_losses.dtype)
        return {
            "supervised": self.supervised_losses(batch, outputs["labelled"]),
            "consistency": weight * consistency_losses,
            "confident_share": ops.sum(shares, axis=-1),
            "confident_classes": shares,
            **self.side_losses("student", batch, outputs),
        }

    def _compared(self, batch):
        """Images on which the student is compared with the teacher."""
        is_strong = "unlabelled_strong_image" in batch
        return ["unlabelled"] if is_strong else list(PREFIXES)

    def _targets(self, batch, which):
        """The teacher's logits, mixed as the student's images are."""
        teacher = self.networks["teacher"]
        by_batch = self.teacher_statistics == "batch"
        with moving_statistics(teacher, by_batch and self._is_own(batch, which)):
            images = batch[f"{PREFIXES[which]}image"]
            logits = teacher(images, training=by_batch)["logits"]
        return cutmix.mix(logits, batch["unlabelled_box"]) if _mixes(batch) else logits

    def _is_own(self, batch, which):
        """Whether a pass of the teacher moves its statistics.

        Both do, but for shuffled unlabelled images where there are labelled ones.
        """
        shuffled = self.pretext is not None and which == "unlabelled"
        return not shuffled or len(self._compared(batch)) == 1

    def _valid(self, batch, which):
        valid = batch[f"{PREFIXES[which]}valid"]
        if not self.mask_padding:
            return ops.ones_like(valid)
        return cutmix.mix(valid, batch["unlabelled_box"]) if _mixes(batch) else valid

    def after_step(self):
        student, teacher = self.networks["student"], self.networks["teacher"]
        keep = tf.convert_to_tensor(self.ema_momentum)
        if self.ema_warm_up:
            steps = ops.cast(self.optimizer.iterations, keep.dtype)
            keep = ops.minimum(keep, 1.0 - 1.0 / steps)
        for target, source in zip(teacher.weights, student.weights, strict=True):
            # A teacher with batch statistics has moving ones of its own.
            if source.trainable or self.teacher_statistics == "moving":
                moved = source.value - target.value
                moved *= tf.cast(1.0 - keep, target.dtype)
                replicas.assign_add(target, moved)


def _mixes(batch):
    return "unlabelled_box" in batch
