import json
import sys
import zipfile

import numpy as np
import pytest

from selene_tf.errors import UserError
from selene_tf.export import agreement, saved_model, tflite, tflite_metadata
from selene_tf.inference.tflite import Runner, load, read_files
from tests.export import exported
from tests.export.contract import GREY, ExportContract, assert_gives

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")


def export(network, output, examples, quantization="none", **options):
    options = {"size": exported.SIZE, "calibration": [examples[0][0]], **options}
    metadata = exported.metadata()
    return tflite.export(
        network, output, examples, metadata, quantization=quantization, **options
    )


@pytest.fixture(scope="session")
def examples(examples_of_one_size):
    return examples_of_one_size


@pytest.fixture
def without_conversion(tflite_folder, monkeypatch):
    """Instead of converting the network anew, takes what was converted before."""

    def convert(_network, _size, quantization, _calibration):
        return (tflite_folder / f"{quantization}.tflite").read_bytes()

    monkeypatch.setattr(tflite, "convert", convert)


class TestTFLite(ExportContract):
    kind = "tflite"
    name = "a.tflite"
    size = exported.SIZE
    damaged = "TFLite file of ours"
    script = ("ai_edge_litert", "mine.tflite")
    # LiteRT's Python interface gives the input the shape that comes, and one channel is
    # broadcast to three.
    answered = frozenset([GREY])

    @pytest.fixture
    def written(self, tflite_folder):
        return tflite_folder / "none.tflite"

    @pytest.fixture
    def without_conversion(self, without_conversion):
        return without_conversion

    def export(self, network, output, examples, size):
        return export(network, output, examples, size=size, calibration=())

    def load(self, path):
        return load(path, num_threads=1)

    def texts(self, written):
        return read_files(written)

    def damage(self, written, path, how):
        content = written.read_bytes()
        start = content.index(b"PK\x03\x04")
        parts = {
            "empty": b"",
            "cut": content[:1000],
            "foreign": content[:start],  # As another converter would have written it.
        }
        if how != "missing":
            path.write_bytes(parts[how])


@pytest.mark.parametrize(
    ("quantization", "largest"), [("float16", 1e-2), ("dynamic", 0.1), ("int8", 0.25)]
)
def test_with_fewer_bits_it_gives_about_the_same(
    tflite_folder, network, examples, quantization, largest
):
    model = load(tflite_folder / f"{quantization}.tflite", num_threads=1)
    assert_gives(model, network, np.stack([image for image, _ in examples]), largest)
    assert model.metadata["quantization"] == quantization


@pytest.mark.parametrize("quantization", tflite.QUANTIZATIONS)
def test_every_runtime_has_its_operators(tflite_folder, quantization):
    content = (tflite_folder / f"{quantization}.tflite").read_bytes()
    operators = tflite_metadata.operators(content)
    assert "CONV_2D" in operators
    assert all(name.isupper() for name in operators)
    assert "VAR_HANDLE" not in operators


def test_dark_calibration_images_leave_the_input_as_it_is(network):
    """The brightest of these is 84, but a device will see brighter ones."""
    rng = np.random.default_rng(0)
    dark = list(rng.integers(0, 85, (3, *exported.SIZE, 3), dtype=np.uint8))
    before = [image.copy() for image in dark]
    content = tflite.convert(network, exported.SIZE, "int8", dark)
    quantization = Runner(model_content=content).input_quantization()
    assert quantization == (np.uint8, 1.0, 0)
    assert all(map(np.array_equal, before, dark))


def test_an_input_of_another_scale_is_refused(network, monkeypatch):
    monkeypatch.setattr(Runner, "input_quantization", lambda _: (np.uint8, 0.329, 0))
    with pytest.raises(RuntimeError, match=r"scale 0\.329 and zero point 0"):
        tflite.convert(network, exported.SIZE, "none")


def test_eight_bits_are_smaller(tflite_folder):
    # So small a network is mostly names and numbers of operators.
    int8, none = (tflite_folder / f"{name}.tflite" for name in ("int8", "none"))
    assert int8.stat().st_size < none.stat().st_size


@pytest.mark.usefixtures("without_conversion")
@pytest.mark.parametrize("quantization", tflite.QUANTIZATIONS)
def test_each_quantization_has_to_agree_enough(
    network, examples, tmp_path, monkeypatch, quantization
):
    """The smallest share of the labels that is enough, and a little less."""
    bar = agreement.MIN_LABEL_AGREEMENT[quantization]
    result = {
        "images": 3,
        "label_agreement": bar,
        "mean_iou": 0.4,
        "mean_iou_of_network": 1.0,
        "max_logit_difference": 0.0,
    }
    monkeypatch.setattr(agreement, "compare", lambda *_: result)
    export(network, tmp_path / "a.tflite", examples, quantization)
    texts = read_files(tmp_path / "a.tflite")
    assert json.loads(texts["metadata.json"])["check"] == result
    assert "LICENSE.txt" not in texts
    result["label_agreement"] = bar - 1e-6
    with pytest.raises(UserError, match="nothing was written"):
        export(network, tmp_path / "b.tflite", examples, quantization)
    assert [path.name for path in tmp_path.iterdir()] == ["a.tflite"]


def test_what_is_refused(network, examples, tmp_path):
    output = tmp_path / "a.tflite"
    with pytest.raises(UserError, match="--quantization: int8 needs images"):
        export(network, output, examples, "int8", calibration=())
    with pytest.raises(UserError, match="found 'int4', expected one of none, float16"):
        export(network, output, examples, "int4")
    with pytest.raises(UserError, match=r"ends in \.tflite"):
        export(network, tmp_path / "a", examples)
    with pytest.raises(ValueError, match="to calibrate with"):
        export(network, output, examples, calibration=[np.zeros((1, 1, 3), np.uint8)])
    assert list(tmp_path.iterdir()) == []


def test_without_the_interpreter_it_says_what_to_install(
    network, examples, tflite_folder, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(UserError, match=r"pip install 'selene_tf\[litert\]'"):
        load(tflite_folder / "none.tflite")
    with pytest.raises(UserError, match=r"pip install 'selene_tf\[litert\]'"):
        export(network, tmp_path / "a.tflite", examples)


def test_an_operator_of_tensorflow_itself_is_refused(network, monkeypatch):
    monkeypatch.setattr(tflite_metadata, "operators", lambda _: {"ADD", "FlexBetainc"})
    monkeypatch.setattr(saved_model, "write", lambda *_: None)
    monkeypatch.setattr(
        tflite.tf.lite.TFLiteConverter, "from_saved_model", lambda _: Converter()
    )
    with pytest.raises(RuntimeError, match="uses FlexBetainc"):
        tflite.convert(network, exported.SIZE, "none", [])


class Converter:
    target_spec = type("", (), {})()

    def convert(self):
        return b""


def test_a_zip_bomb_is_one_line(tflite_folder, tmp_path):
    content = (tflite_folder / "none.tflite").read_bytes()
    file = tmp_path / "a.tflite"
    file.write_bytes(content)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.txt", bytes(20_000_000))
    assert file.stat().st_size < len(content) + 100_000
    with pytest.raises(UserError, match="unpack to 20,"):
        load(file)


def test_garbage_before_the_files_is_one_line(tflite_folder, tmp_path):
    content = (tflite_folder / "none.tflite").read_bytes()
    start = content.index(b"PK\x03\x04")
    file = tmp_path / "a.tflite"
    file.write_bytes(bytes(start) + content[start:])
    with pytest.raises(UserError, match="no readable TFLite file") as caught:
        load(file)
    assert "\n" not in str(caught.value)


def test_loading_prints_nothing(tflite_folder, capfd):
    load(tflite_folder / "none.tflite")
    assert capfd.readouterr() == ("", "")
