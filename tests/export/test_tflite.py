import contextlib
import json
import shutil
import sys

import numpy as np
import pytest

from selene_tf.errors import UserError
from selene_tf.export import saved_model, tflite, tflite_metadata
from tests.export import exported


@pytest.fixture(scope="module")
def network():
    return exported.network()


@pytest.fixture(scope="module")
def examples(network):
    return exported.examples(network)


@pytest.fixture(scope="module")
def folder(network, examples, tmp_path_factory):
    """All four quantizations, from one SavedModel of each type of input."""
    folder, written = tmp_path_factory.mktemp("export"), {}
    write = saved_model.write

    def write_once(network, serve, place, image):
        if image.dtype in written:
            shutil.copytree(written[image.dtype], place, dirs_exist_ok=True)
            return
        write(network, serve, place, image)
        written[image.dtype] = tmp_path_factory.mktemp("saved") / "model"
        shutil.copytree(place, written[image.dtype])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saved_model, "write", write_once)
        _export_all(network, folder, examples)
    return folder


def _export_all(network, folder, examples):
    for quantization in tflite.QUANTIZATIONS:
        tflite.export(
            network,
            folder / f"{quantization}.tflite",
            examples,
            exported.metadata("CC BY 4.0"),
            quantization=quantization,
            size=exported.SIZE,
            calibration=[image for image, _ in examples],
        )


@pytest.mark.parametrize(
    ("quantization", "largest"),
    [("none", 1e-5), ("float16", 1e-2), ("dynamic", 0.1), ("int8", 0.25)],
)
def test_it_gives_what_the_network_gives(
    folder, network, examples, quantization, largest
):
    model = tflite.load(folder / f"{quantization}.tflite", num_threads=1)
    assert (model.kind, model.size) == ("tflite", exported.SIZE)
    assert model.class_names == exported.NAMES
    batch = np.stack([image for image, _ in examples])
    wanted = np.asarray(network(batch.astype("float32"))["logits"])
    logits, labels = model.logits(batch), model.labels(batch)
    assert (logits.dtype, labels.dtype) == (np.float32, np.int32)
    assert np.abs(logits - wanted).max() < largest * np.abs(wanted).max()
    assert (labels == wanted.argmax(-1)).mean() > 0.95
    np.testing.assert_array_equal(labels, logits.argmax(-1))


def test_what_a_user_needs_travels_along(folder):
    for file in folder.iterdir():
        texts = tflite_metadata.read_files(file)
        metadata = json.loads(texts["metadata.json"])
        assert metadata["quantization"] == file.stem
        assert metadata["check"]["images"] == 3
        assert texts["labels.txt"].splitlines() == list(exported.NAMES)
        assert json.loads(texts["classes.json"]) == list(exported.NAMES)
        assert texts["LICENSE.txt"] == "CC BY 4.0\n"


def test_every_runtime_has_its_operators(folder):
    for file in folder.iterdir():
        found = tflite_metadata.operators(file.read_bytes())
        assert "CONV_2D" in found
        assert all(name.isupper() for name in found)
        assert "VAR_HANDLE" not in found


def test_eight_bits_are_smaller(folder):
    # So small a network is mostly names and numbers of operators.
    assert (folder / "int8.tflite").stat().st_size < (
        folder / "none.tflite"
    ).stat().st_size


@pytest.fixture
def converted(folder, monkeypatch):
    """Instead of converting the network anew, takes what was converted before."""

    def convert(_network, _size, quantization, _calibration):
        return (folder / f"{quantization}.tflite").read_bytes()

    monkeypatch.setattr(tflite, "convert", convert)


@contextlib.contextmanager
def weights(network, change):
    predictor = network.get_layer("predictor")
    kept = predictor.get_weights()
    predictor.set_weights([change(kept[0]), kept[1]])
    try:
        yield
    finally:
        predictor.set_weights(kept)


def export(network, output, examples, quantization="int8", **kwargs):
    arguments = {"size": exported.SIZE, "calibration": [examples[0][0]], **kwargs}
    return tflite.export(
        network,
        output,
        examples,
        exported.metadata(),
        quantization=quantization,
        **arguments,
    )


@pytest.mark.usefixtures("converted")
@pytest.mark.parametrize("quantization", tflite.QUANTIZATIONS)
def test_a_model_that_differs_is_not_written(network, examples, tmp_path, quantization):
    output = tmp_path / "a.tflite"
    with weights(network, lambda kernel: kernel[..., ::-1]):
        changed = exported.examples(network)
        with pytest.raises(UserError, match="nothing was written"):
            export(network, output, changed, quantization)
    with (
        weights(network, lambda kernel: kernel * np.nan),
        pytest.raises(UserError, match="not finite"),
    ):
        export(network, output, examples, quantization)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("converted")
def test_what_is_there_is_left_alone(network, examples, tmp_path):
    output = tmp_path / "a.tflite"
    export(network, output, examples)
    before = output.read_bytes()
    with pytest.raises(UserError, match="exists already"):
        export(network, output, examples)
    assert output.read_bytes() == before


def test_what_is_refused(network, examples, tmp_path):
    output = tmp_path / "a.tflite"
    with pytest.raises(UserError, match="--quantization: int8 needs images"):
        export(network, output, examples, calibration=())
    with pytest.raises(UserError, match="found 'int4', expected one of none, float16"):
        export(network, output, examples, "int4")
    with pytest.raises(UserError, match=r"ends in \.tflite"):
        export(network, tmp_path / "a", examples)
    with pytest.raises(ValueError, match="to calibrate with"):
        export(network, output, examples, calibration=[np.zeros((1, 1, 3), np.uint8)])
    with pytest.raises(ValueError, match=r"expected uint8 \(32, 96, 3\)"):
        export(network, output, examples, size=(32, 96))
    assert list(tmp_path.iterdir()) == []


def test_without_the_interpreter_it_says_what_to_install(
    network, examples, folder, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(UserError, match=r"pip install 'selene_tf\[litert\]'"):
        tflite.load(folder / "none.tflite")
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


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "plain", "garbage"])
def test_a_damaged_or_foreign_file_is_one_line(folder, tmp_path, damage):
    whole = (folder / "none.tflite").read_bytes()
    start = whole.index(b"PK\x03\x04")
    content = {
        "empty": b"",
        "cut": whole[:1000],
        "plain": whole[:start],  # As another converter would have written it.
        "garbage": bytes(start) + whole[start:],
    }
    file = tmp_path / "a.tflite"
    if damage != "missing":
        file.write_bytes(content[damage])
    with pytest.raises(UserError, match="no readable TFLite file") as caught:
        tflite.load(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_is_said(folder, capfd):
    tflite.load(folder / "none.tflite")
    assert capfd.readouterr() == ("", "")
