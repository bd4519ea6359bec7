"""A student that agrees with the moving average of itself."""

from keras import ops

from selene_tf import losses
from selene_tf.algorithms.algorithm import Algorithm


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

    Args:
        student: The network that is trained.
        teacher: A network of the same shape; its weights are overwritten.
        consistency_weight: Function from the step to the weight of the
            consistency loss, the paper's lambda 2.
        ema_momentum: Share of the teacher that each step keeps, the paper's
            alpha.
        deployed: "teacher" or "student".
        max_gradient_norm: Global norm to which gradients are clipped.

    Keyword arguments are those of `Algorithm`.
    """

    def __init__(
        self,
        student,
        teacher,
        consistency_weight,
        max_gradient_norm,
        ema_momentum=0.99,
        deployed="teacher",
        **kwargs,
    ):
        teacher.trainable = False
        networks = {"student": student, "teacher": teacher}
        super().__init__(networks, deployed, max_gradient_norm, **kwargs)
        self.consistency_weight = consistency_weight
        self.ema_momentum = ema_momentum
        self.begin()

    def begin(self):
        self.networks["teacher"].set_weights(self.networks["student"].get_weights())

    def compute_losses(self, batch):
        # Two passes and not one over both: each batch keeps its own statistics.
        labelled, outputs = self._disagreement(batch["image"], batch["valid"])
        unlabelled, others = self._disagreement(
            batch["unlabelled_image"], batch["unlabelled_valid"]
        )
        gates = ops.concatenate([outputs["gates"], others["gates"]])
        weight = self.consistency_weight(self.optimizer.iterations)
        return {
            "supervised": losses.cross_entropy(batch["label"], outputs["logits"]),
            "consistency": weight * ops.concatenate([labelled, unlabelled]),
            **self.budget_losses(gates),
        }

    def _disagreement(self, images, valid):
        outputs = self.networks["student"](images, training=True)
        target = self.networks["teacher"](images, training=True)["logits"]
        return losses.consistency(outputs["logits"], target, valid), outputs

    def after_update(self):
        student, teacher = self.networks["student"], self.networks["teacher"]
        for target, source in zip(teacher.weights, student.weights, strict=True):
            target.assign_add((source - target) * (1.0 - self.ema_momentum))
