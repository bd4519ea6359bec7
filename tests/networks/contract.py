"""What every network has to fulfil; three lines a network."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from selene_tf import architectures, networks
from selene_tf.architectures import layer_costs
from selene_tf.export import saved_model, tflite
from selene_tf.inference import saved_model_check
from selene_tf.training import precise_batch_norm
from tests.checks import randomize

SIZE = (64, 96)


def images(count=2, size=SIZE, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 255, (count, *size, 3)).astype("float32")


def flat(outputs):
    """Every output by name; those of a list one by one."""
    arrays = {}
    for name, values in outputs.items():
        several = values if isinstance(values, list) else [values]
        arrays |= {f"{name}_{i}": np.asarray(value) for i, value in enumerate(several)}
    return arrays


def all_logits(outputs):
    return [outputs["logits"], *outputs.get("auxiliary", [])]


# One at a time: pytest runs the tests of a class one after the other.
@functools.lru_cache(maxsize=1)
def randomized(architecture):
    """A network whose weights are not those of its initialisers."""
    network = networks.build(architecture, name="first")
    kernels = {id(v): v.numpy() for v in network.weights if len(v.shape) > 1}
    randomize(network)
    for variable in network.weights:
        if id(variable) in kernels:
            # As large as they were: fifty layers of larger ones make noise of rounding.
            deviation = kernels[id(variable)].std()
            variable.assign(variable.numpy() / 0.4 * deviation)
    return network


@functools.lru_cache(maxsize=1)
def in_half_precision(architecture):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        return networks.build(architecture, name="second")
    finally:
        keras.config.set_dtype_policy(before)


class NetworkContract:
    """Subclass it with a name that begins with Test.

    Attributes:
        architecture: A small one, of three classes or more.
    """

    architecture = None

    @property
    def network(self):
        return randomized(self.architecture)

    # Odd sides, and one pixel.
    @pytest.mark.parametrize("size", [(33, 65), (61, 99), (1, 1)])
    def test_logits_are_of_the_images_size(self, size):
        outputs = self.network(images(size=size).astype("uint8"))
        assert outputs.keys() <= {"logits", "features", "gates", "auxiliary"}
        for logits in all_logits(outputs):
            assert logits.shape == (2, *size, self.architecture.num_classes)
            assert logits.dtype == "float32"
            assert np.isfinite(logits).all()
        if "gates" in outputs:
            assert outputs["gates"].shape[0] == 2

    def test_features_come_finest_first_and_halve(self):
        levels = self.network(images())["features"]
        sides = [level.shape[1:3] for level in levels]
        for finer, coarser in zip(sides[:-1], sides[1:], strict=True):
            assert coarser == tuple((side + 1) // 2 for side in finer)
        # What a head is built from is known without an image.
        symbols = self.network.output["features"]
        assert [x.shape[-1] for x in symbols] == [x.shape[-1] for x in levels]

    def test_every_trained_weight_learns(self):
        labels = np.random.default_rng(1).integers(0, 3, (2, *SIZE))
        variables = self.network.trainable_variables
        with tf.GradientTape() as tape:
            outputs = self.network(images(), training=True)
            losses = [
                keras.ops.sparse_categorical_crossentropy(labels, x, from_logits=True)
                for x in all_logits(outputs)
            ]
            loss = sum(keras.ops.mean(each) for each in losses)
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        for variable, gradient in zip(variables, gradients, strict=True):
            assert gradient is not None, variable.path
            assert np.isfinite(gradient).all(), variable.path

    def test_it_is_saved_and_loaded(self, tmp_path):
        self.network.save(tmp_path / "network.keras")
        loaded = keras.models.load_model(tmp_path / "network.keras")
        expected, outputs = flat(self.network(images())), flat(loaded(images()))
        assert outputs.keys() == expected.keys()
        for name, values in expected.items():
            np.testing.assert_array_equal(outputs[name], values)

    def test_checkpoints_know_its_weights_by_path(self):
        """Whatever it is called, and no two by the same."""
        paths = [variable.path for variable in self.network.variables]
        assert len(set(paths)) == len(paths)
        other = in_half_precision(self.architecture)
        assert [variable.path for variable in other.variables] == paths

    def test_in_half_precision_its_logits_are_float32(self):
        outputs = in_half_precision(self.architecture).output
        assert {x.dtype for x in all_logits(outputs)} == {"float32"}
        assert {x.dtype for x in outputs["features"]} == {"bfloat16"}

    def test_precise_statistics_replace_all_of_its_own(self):
        variables = self.network.weights
        before = self.network.get_weights()
        moving = [v for v in variables if v.path.split("/")[-1].startswith("moving_")]
        for variable in moving:
            variable.assign(np.full(variable.shape, 0.375))
        started = self.network.get_weights()
        precise_batch_norm.recompute(self.network, [images(seed=n) for n in range(2)])
        after = self.network.get_weights()
        self.network.set_weights(before)
        assert moving
        for variable, old, new in zip(variables, started, after, strict=True):
            if any(variable is statistic for statistic in moving):
                assert np.isfinite(new).all(), variable.path
                assert (new != old).all(), variable.path
            else:
                np.testing.assert_array_equal(new, old)

    def test_counted_macs_are_the_architectures(self):
        expected = architectures.cost(self.architecture, 61, 99)
        assert layer_costs.count(self.network, 61, 99) == expected

    def test_its_exports_give_its_labels(self, tmp_path):
        image = images(1).astype("uint8")
        logits = np.asarray(self.network(image)["logits"])
        labels = logits.argmax(-1)
        assert len(np.unique(labels)) > 1, "of use where there are several classes"
        serve = saved_model.serving(self.network)
        spec = tf.TensorSpec((None, *SIZE, 3), tf.uint8)
        saved_model.write(self.network, serve, tmp_path / "saved", spec)
        # No loader may take it for a stranger's.
        assert saved_model_check.foreign_operations(tmp_path / "saved") == []
        signature = saved_model.read_signature(tmp_path / "saved")
        content = tflite.convert(self.network, SIZE, "none")
        runner = Interpreter(model_content=content).get_signature_runner()
        for outputs in (signature(image=tf.constant(image)), runner(image=image)):
            scale = np.abs(logits).max()
            np.testing.assert_allclose(outputs["logits"], logits, atol=1e-4 * scale)
            assert (np.asarray(outputs["labels"]) == labels).mean() > 0.999
