"""The contract of every algorithm, of what it is combined with, and of its views."""

from selene_tf.algorithms.cross_pseudo import CrossPseudo
from selene_tf.algorithms.mean_teacher import MeanTeacher
from selene_tf.algorithms.supervised import Supervised
from tests.algorithms.contract import AlgorithmContract, SemiSupervisedContract
from tests.algorithms.small import TASKS, make_small_batch, make_strong_batch
from tests.checks import randomize


class TestSupervised(AlgorithmContract):
    kind = Supervised


class TestSupervisedWithAPretextTask(AlgorithmContract):
    kind = Supervised
    parts = ("supervised", "jigsaw")
    teaching = ("image", "label", "unlabelled_image")
    options = {"pretext": True}  # noqa: RUF012
    batch = make_small_batch() | TASKS


class TestMeanTeacher(SemiSupervisedContract):
    kind = MeanTeacher
    names = ("student", "teacher")
    deployed = "teacher"
    parts = ("supervised", "consistency")
    weight, weighted = "consistency_weight", "consistency"
    teaching = ("image", "label", "valid", "unlabelled_image", "unlabelled_valid")
    options = {"consistency_weight": lambda _: 10.0}  # noqa: RUF012

    def make(self, **changes):
        bench = super().make(**changes)
        # It starts as the student and would have nothing to teach.
        randomize(bench.algorithm.networks["teacher"], seed=5)
        bench.keep_start()
        return bench


class TestMeanTeacherWithAStrongView(TestMeanTeacher):
    teaching = (
        *("image", "label", "unlabelled_image", "unlabelled_strong_image"),
        *("unlabelled_valid", "unlabelled_box"),
    )
    batch = make_strong_batch()


class TestCrossPseudo(SemiSupervisedContract):
    kind = CrossPseudo
    names = trained = ("first", "second")
    deployed = "first"
    parts = ("supervised_first", "supervised_second", "cross_pseudo")
    weight, weighted = "cross_pseudo_weight", "cross_pseudo"
    teaching = ("image", "label", "valid", "unlabelled_image", "unlabelled_valid")
    options = {"cross_pseudo_weight": lambda _: 1.5}  # noqa: RUF012
