import sys

import onnx
import pytest

from selene_tf.errors import UserError
from selene_tf.export.onnx import export
from selene_tf.inference.onnx import load
from tests.export import exported
from tests.export.contract import ExportContract

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")


class TestONNX(ExportContract):
    kind = "onnx"
    name = "a.onnx"
    damaged = "ONNX file"

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
