"""What every algorithm has to fulfil, on networks whose eager step is quick.

A test file derives a class from `AlgorithmContract` and says how it is made; those that
learn from unlabelled images derive from `SemiSupervisedContract`. What an algorithm's
loss is, by hand, stands in its own test file.
"""

import functools

import numpy as np
import pytest
import tensorflow as tf

from selene_tf.algorithms.supervised import Supervised
from tests.algorithms.batches import (
    CLASSES,
    Bench,
    distance,
    labelled_part,
    train,
    values,
)
from tests.algorithms.small import build_small_network, make_small_batch, small_bench


def turned(batch, key):
    """The batch with one of its tensors turned around."""
    return batch | {key: batch[key][:, ::-1, ::-1].copy()}


def weights_of(algorithm):
    """By trained network, copies of its and its head's weights."""
    trained = algorithm.trained_variables()
    return {name: values(variables) for name, variables in trained.items()}


# One at a time: pytest runs the tests of a class one after the other.
@functools.lru_cache(maxsize=1)
def shared_bench(contract):
    """The bench of a contract, which a test resets."""
    return contract().make()


class AlgorithmContract:
    """Of any algorithm.

    Attributes:
        kind: Class of the algorithm.
        names: Its networks' names.
        trained: Those of them that are trained.
        deployed: The one that is evaluated and exported.
        parts: Names of the losses that enter the sum.
        monitored: Names of what it tells for the log alone.
        teaching: Names of the batch's tensors that have to move the weights.
        options: Its other arguments, but for `max_gradient_norm`.
        batch: What it trains on.
    """

    kind = None
    names = trained = ("student",)
    deployed = "student"
    parts = ("supervised",)
    monitored = ()
    teaching = ("image", "label")
    options = {}  # noqa: RUF012 (read alone)
    batch = make_small_batch()

    def make(self, **changes):
        """A bench of the algorithm; the same weights each time."""
        return small_bench(self.kind, *self.names, **self.options | changes)

    @property
    def bench(self):
        """That of all tests that change no option, at its start."""
        bench = shared_bench(type(self))
        bench.reset()
        return bench

    def after(self, batch):
        """By trained network, the weights after a step."""
        bench = self.bench
        bench.step(batch)
        return weights_of(bench.algorithm)

    def norm_name(self, name):
        return "gradient_norm" + (f"_{name}" if len(self.trained) > 1 else "")

    def test_the_loss_is_the_sum_of_its_parts_and_no_more_is_told(self):
        results = self.bench.step(self.batch)
        norms = {self.norm_name(name) for name in self.trained}
        assert set(results) == {"loss", *self.parts, *self.monitored, *norms}
        total = sum(results[part] for part in self.parts)
        assert results["loss"] == pytest.approx(total, rel=1e-6)
        assert np.isfinite(results["loss"])

    def test_it_trains_what_it_says_and_nothing_else(self):
        algorithm = self.bench.algorithm
        assert tuple(algorithm.networks) == self.names
        assert tuple(algorithm.trained_variables()) == self.trained
        assert algorithm.deployed == self.deployed
        parts = [algorithm.networks[name] for name in self.trained]
        parts += algorithm.heads.values()
        expected = {id(v) for part in parts for v in part.trainable_variables}
        assert {id(v) for v in algorithm.trainable_variables} == expected

    def test_every_trained_network_moves(self):
        start, after = weights_of(self.bench.algorithm), self.after(self.batch)
        assert all(distance(start[name], after[name]) > 1e-3 for name in self.trained)

    def test_a_step_is_determined_by_batch_and_weights(self):
        one, other = self.bench, self.make()
        assert one.step(self.batch) == other.step(self.batch)
        weights = [
            values(bench.algorithm.trainable_variables) for bench in (one, other)
        ]
        assert distance(*weights) == 0.0

    @pytest.mark.parametrize("share", [0.3, 3.0])
    def test_each_network_is_clipped_by_its_own_norm(self, share):
        results = self.bench.step(self.batch)
        norms = {name: results[self.norm_name(name)] for name in self.trained}
        bound = share * min(norms.values())
        bench = self.make(max_gradient_norm=bound)
        bench.algorithm.optimizer.learning_rate = 1.0
        before, results = weights_of(bench.algorithm), bench.step(self.batch)
        for name, after in weights_of(bench.algorithm).items():
            # What is told is the norm before; the momentum has nothing to add yet.
            assert results[self.norm_name(name)] == pytest.approx(norms[name], rel=1e-4)
            moved = distance(before[name], after)
            assert moved == pytest.approx(min(bound, norms[name]), rel=1e-3)

    def test_what_is_in_the_batch_teaches_every_network(self):
        plain = self.after(self.batch)
        for key in self.teaching:
            other = self.after(turned(self.batch, key))
            for name in self.trained:
                assert distance(plain[name], other[name]) > 1e-4, (key, name)

    def test_images_without_a_label_add_nothing_to_the_supervised_loss(self):
        none = self.batch | {"label": np.full_like(self.batch["label"], 255)}
        results = self.bench.step(none)
        supervised = [name for name in self.parts if name.startswith("supervised")]
        assert supervised
        assert {results[name] for name in supervised} == {0.0}
        assert np.isfinite(results["loss"])

    def test_class_weights_make_it_a_weighted_mean(self):
        """If one class alone counts, however much, others might have no label."""
        label, weights = self.batch["label"], [0.0] * CLASSES
        weights[1] = 2.0
        alone = self.batch | {"label": np.where(label == 1, label, 255)}
        expected = self.bench.step(alone)
        results = self.make(class_weights=weights).step(self.batch)
        for name in self.parts:
            if name.startswith("supervised"):
                assert results[name] == pytest.approx(expected[name], rel=1e-5)
                assert results[name] > 0

    def test_in_a_graph_it_is_the_same_step(self):
        eager, traced = self.bench, self.make(traced=True)
        for _ in range(2):
            expected, results = eager.step(self.batch), traced.step(self.batch)
            assert results.keys() == expected.keys()
            for name, value in expected.items():
                assert results[name] == pytest.approx(value, rel=1e-4, abs=1e-6), name

    def test_in_parts_it_is_the_same_step(self):
        """But for normalisation's statistics, which are of a part."""
        benches = [
            self.make(normalised=False, accumulate_steps=parts) for parts in (1, 2)
        ]
        whole, divided = (bench.algorithm for bench in benches)
        # The second step has to forget the gradients of the first one.
        whole.run_eagerly = divided.run_eagerly = True
        steps = [train(algorithm, [self.batch] * 2) for algorithm in (whole, divided)]
        for expected, results in zip(*steps, strict=True):
            assert results.keys() == expected.keys()
            for name, value in expected.items():
                assert results[name] == pytest.approx(value, rel=1e-5, abs=1e-6), name
        # However many the parts, a step is one; and the sums are in no checkpoint.
        assert int(divided.optimizer.iterations) == 2
        one, other = whole.named_variables(), divided.named_variables()
        assert list(other) == list(one)
        for name, variable in one.items():
            np.testing.assert_allclose(other[name], variable, atol=1e-5, err_msg=name)

    def test_a_checkpoint_holds_every_variable(self):
        algorithm = self.bench.algorithm
        parts = [*algorithm.networks.values(), *algorithm.heads.values()]
        expected = [variable for part in parts for variable in part.variables]
        expected += algorithm.optimizer.variables
        saved = {id(variable) for variable in algorithm.named_variables().values()}
        assert [v.path for v in expected if id(v) not in saved] == []


class SemiSupervisedContract(AlgorithmContract):
    """Of one that learns from unlabelled images, with a weight for what they teach.

    Attributes:
        weight: Name of the argument that gives the weight for a step.
        weighted: Name of the loss that has it.
    """

    weight = weighted = None
    monitored = ("confident_share", "confident_classes")

    def test_masks_of_unlabelled_images_would_teach_nothing(self):
        leaked = self.batch | {"unlabelled_label": self.batch["label"]}
        plain, other = self.after(self.batch), self.after(leaked)
        assert all(distance(plain[name], other[name]) == 0.0 for name in self.trained)

    def test_its_weight_is_asked_for_the_step(self):
        asked = []

        def weight(step):
            asked.append(int(step))
            return tf.cast(step > 0, "float32")

        bench = self.make(**{self.weight: weight})
        results = [bench.step(self.batch)[self.weighted] for _ in range(2)]
        assert results[0] == 0.0
        assert results[1] > 0.0
        assert set(asked) == {0, 1}

    def test_with_weight_0_each_network_learns_as_supervised_to_the_bit(self):
        bench = self.make(**{self.weight: lambda _: 0.0})
        for _ in range(2):
            assert bench.step(self.batch)[self.weighted] == 0.0
        for name in self.trained:
            alone = Supervised(build_small_network(self.names.index(name)), 5.0)
            alone_bench = Bench(alone, traced=False)
            for _ in range(2):
                alone_bench.step(labelled_part(self.batch))
            ours = bench.algorithm.networks[name].weights
            theirs = alone.networks["student"].weights
            # Statistics included.
            for one, other in zip(values(ours), values(theirs), strict=True):
                np.testing.assert_array_equal(one, other)

    def test_shares_of_classes_sum_to_the_share_of_pixels(self):
        results = self.bench.step(self.batch)
        total = sum(results["confident_classes"])
        assert total == pytest.approx(results["confident_share"], rel=1e-5)
        assert 0 < results["confident_share"] <= 1 + 1e-6
