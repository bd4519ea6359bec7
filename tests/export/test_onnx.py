import sys

import keras
import numpy as np
import onnx
import onnxruntime
import pytest

from selene_tf.errors import UserError
from selene_tf.export.onnx import _convert as convert
from selene_tf.export.onnx import export
from selene_tf.inference.onnx import load
from selene_tf.layers.resize import subsample
from tests.export import exported
from tests.export.contract import ExportContract

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")


class TestONNX(ExportContract):
    kind = "onnx"
    name = "a.onnx"
    damaged = "ONNX file"
    script = ("onnxruntime", "mine.onnx")

    @pytest.fixture
    def written(self, onnx_file):
        return onnx_file

    @pytest.fixture
    def without_conversion(self, written, monkeypatch):
        def convert(*_):
            model = onnx.load(written)
            del model.metadata_props[:]
            return model

        monkeypatch.setattr("selene_tf.export.onnx._convert", convert)

    def export(self, network, output, examples, size):
        return export(network, output, examples, exported.metadata(), size=size)

    def load(self, path):
        return load(path)

    def texts(self, written):
        properties = onnx.load(written).metadata_props
        return {entry.key: entry.value for entry in properties}

    def damage(self, written, path, how):
        if how == "foreign":
            model = onnx.load(written)
            del model.metadata_props[:]
            path.write_bytes(model.SerializeToString())
        elif how != "missing":
            path.write_bytes(written.read_bytes()[: 0 if how == "empty" else 1000])

    @pytest.mark.usefixtures("without_conversion")
    def test_one_size(self, network, examples, tmp_path):
        self.export(network, tmp_path / "a.onnx", examples[:1], exported.SIZE)
        assert load(tmp_path / "a.onnx").size == exported.SIZE
        assert "LICENSE.txt" not in self.texts(tmp_path / "a.onnx")


def test_its_signature(onnx_file):
    model = onnx.load(onnx_file)
    onnx.checker.check_model(model, full_check=True)
    (image,) = model.graph.input
    shape = [one.dim_param or one.dim_value for one in image.type.tensor_type.shape.dim]
    assert (image.name, shape) == ("image", ["batch", "height", "width", 3])
    assert [one.name for one in model.graph.output] == ["labels", "logits"]


@pytest.mark.parametrize("channels", [4, 8, 12, 24])
def test_subsampling_runs_at_every_level_of_optimization(channels):
    """One level lays the channels out in blocks, of which some are not full."""
    image = keras.Input((None, None, 3))
    features = keras.layers.Conv2D(channels, 3, padding="same")(image)
    features = keras.layers.Conv2D(2 * channels, 1)(subsample(features))
    network = keras.Model(image, {"logits": features})
    content = convert(network, None).SerializeToString()
    pixels = np.random.default_rng(0).integers(0, 256, (1, 9, 14, 3), np.uint8)
    expected = np.asarray(network(pixels.astype("float32"))["logits"])
    for level in (
        *("ORT_DISABLE_ALL", "ORT_ENABLE_BASIC"),
        *("ORT_ENABLE_EXTENDED", "ORT_ENABLE_ALL"),
    ):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(
            onnxruntime.GraphOptimizationLevel, level
        )
        session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
        (logits,) = session.run(["logits"], {"image": pixels})
        scale = np.abs(expected).max()
        np.testing.assert_allclose(logits, expected, atol=1e-5 * scale, err_msg=level)


def test_a_failure_of_the_library_is_one_line(network, examples, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("AveragePool: padding values\nmust be non-negative")

    monkeypatch.setattr("selene_tf.export.onnx.start_session", fail)
    monkeypatch.setattr("selene_tf.export.onnx._convert", lambda *_: onnx.ModelProto())
    with pytest.raises(UserError, match="ONNX Runtime cannot.*AveragePool") as caught:
        export(network, tmp_path / "a.onnx", examples, exported.metadata())
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_another_suffix_is_refused(network, examples, tmp_path):
    with pytest.raises(UserError, match=r"ends in \.onnx"):
        export(network, tmp_path / "a", examples, exported.metadata())


@pytest.mark.parametrize("module", ["tf2onnx", "onnxruntime"])
def test_without_its_libraries_it_says_what_to_install(
    network, examples, tmp_path, monkeypatch, module
):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=r"pip install 'selene_tf\[onnx\]'"):
        export(network, tmp_path / "a.onnx", examples, exported.metadata())
