"""A student that agrees with the moving average of itself."""

import tensorflow as tf
from keras import ops

from selene_tf import losses
from selene_tf.algorithms import replicas
from selene_tf.algorithms.base import PREFIXES, Algorithm
from selene_tf.data.augmentation import cutmix


class MeanTeacher(Algorithm):
    """Mean teacher, SELENE's section 3.2.

    The student learns from the labels (equation 1) and from the teacher's
    outputs on the same tensors, labelled and unlabelled (equation 3). The
    teacher starts as a copy and then follows by exponential moving average
    after each of the student's steps (equation 2), normalisation statistics
    included.

    Departures from the paper's text, as in the code that its numbers come from:

    - Equation 4 puts the *teacher's* output into the supervised loss, which has
      no gradient to the student; here it is the student's.
    - Equation 3 adds a labelled and an unlabelled mean; here it is one mean over
      both batches, for which the weight of 100 was tuned.
    - The teacher's targets come from batch statistics; it is frozen, so that
      its moving statistics are the averaged ones (see `BatchNorm`).

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
        consistency_loss: The loss, from the student's logits, the teacher's and a mask
            of valid pixels to a value an image.
        teacher_statistics: What the teacher normalises its targets with, "batch"
            or "moving".
        mask_padding: Whether padded pixels are left out of the consistency loss;
            False as in the code that the paper's numbers come from.
        deployed: "teacher" or "student".
        max_gradient_norm: Global norm to which gradients are clipped.

    Keyword arguments are those of `Algorithm`.
    """

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
        self.teacher_statistics = teacher_statistics
        self.mask_padding = mask_padding
        self.on_weights_loaded()

    def on_weights_loaded(self):
        self.networks["teacher"].set_weights(self.networks["student"].get_weights())

    def compute_losses(self, batch):
        outputs = self.forward("student", batch)
        weight = self.consistency_weight(self.optimizer.iterations)
        consistency_loss = ops.concatenate(self._consistency_losses(batch, outputs))
        logits = outputs["labelled"]["logits"]
        return {
            "supervised": self.supervised_loss(batch["label"], logits),
            "consistency": weight * consistency_loss,
            **self.side_losses("student", batch, outputs),
        }

    def _consistency_losses(self, batch, outputs):
        if "unlabelled_strong_image" in batch:
            boxes = batch["unlabelled_box"]
            target = self._targets(batch["unlabelled_image"])
            valid = cutmix.mix(self._valid(batch, "unlabelled"), boxes)
            logits = outputs["unlabelled"]["logits"]
            return [self.consistency_loss(logits, cutmix.mix(target, boxes), valid)]
        return [
            self.consistency_loss(
                outputs[which]["logits"],
                self._targets(batch[f"{prefix}image"]),
                self._valid(batch, which),
            )
            for which, prefix in PREFIXES.items()
        ]

    def _targets(self, images):
        training = self.teacher_statistics == "batch"
        return self.networks["teacher"](images, training=training)["logits"]

    def _valid(self, batch, which):
        valid = batch[f"{PREFIXES[which]}valid"]
        return valid if self.mask_padding else ops.ones_like(valid)

    def after_step(self):
        student, teacher = self.networks["student"], self.networks["teacher"]
        keep = tf.convert_to_tensor(self.ema_momentum)
        if self.ema_warm_up:
            steps = ops.cast(self.optimizer.iterations, keep.dtype)
            keep = ops.minimum(keep, 1.0 - 1.0 / steps)
        for target, source in zip(teacher.weights, student.weights, strict=True):
            moved = (source.value - target.value) * (1.0 - keep)
            replicas.assign_add(target, moved)
