"""The card inside an exported file, read without running the network."""

import json
import shutil
import zipfile

import keras
import pytest

from selene_tf.export import onnx
from selene_tf.export.metadata import complete_metadata, metadata_files
from selene_tf.inference import description
from tests.commands import assert_one_line, run
from tests.experiment.saved_runs import save_run
from tests.export import exported
from tests.refusals import assert_refused


def texts(kind, **changes):
    metadata = complete_metadata(exported.metadata(), kind, exported.SIZE)
    return metadata_files({**metadata, **changes})


def write(path, texts):
    """What of an exported file is read: the files that travel with it."""
    if path.suffix == ".tflite":
        path.write_bytes(b"TFL3")
        with zipfile.ZipFile(path, "a") as archive:
            for name, text in texts.items():
                archive.writestr(name, text)
        return
    (path / "2/assets.extra").mkdir(parents=True)
    for name, text in texts.items():
        (path / "2/assets.extra" / name).write_text(text)


@pytest.mark.parametrize("name", ["model.tflite", "saved_model"])
def test_the_card_is_printed(tmp_path, name):
    kind = "tflite" if name.endswith("tflite") else "saved_model"
    write(tmp_path / name, texts(kind))
    result = run("-m", "selene_tf.describe", f"--model={tmp_path / name}")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("# ")
    assert "Straße" in result.stdout
    assert "Input `image`: uint8" in result.stdout
    result = run("-m", "selene_tf.describe", f"--model={tmp_path / name}", "--json")
    assert json.loads(result.stdout)["format"] == kind


def test_an_onnx_files_card_is_among_its_metadata(tmp_path):
    image = keras.Input((None, None, 3))
    logits = keras.layers.Conv2D(3, 1)(image / 255)
    network = keras.Model(image, {"logits": logits})
    examples = exported.examples(network)
    onnx.export(network, tmp_path / "a.onnx", examples, exported.metadata())
    read = description.read(str(tmp_path / "a.onnx"))
    assert json.loads(read["metadata.json"])["format"] == "onnx"
    assert read["MODEL_CARD.md"].startswith("# ")


def test_nothing_in_it_changes_the_terminal(tmp_path):
    card = texts("tflite") | {"MODEL_CARD.md": "# a\n\x1b[2J\tb"}
    write(tmp_path / "a.tflite", card)
    read = description.read(str(tmp_path / "a.tflite"))
    assert read["MODEL_CARD.md"] == "# a\n?[2J?b"


@pytest.mark.parametrize(
    "arguments", [(), ("--model=",), ("--model=nowhere",), ("--model=README.md",)]
)
def test_mistakes_are_one_line(arguments):
    assert_one_line(run("-m", "selene_tf.describe", *arguments), "--model")


def test_foreign_and_damaged_ones_are_one_line(tmp_path):
    write(tmp_path / "model", texts("saved_model", scores="votes"))
    assert_refused(lambda: description.read(str(tmp_path / "model")), "says nothing")
    shutil.rmtree(tmp_path / "model/2/assets.extra")
    assert_refused(lambda: description.read(str(tmp_path / "model")), "says nothing")
    (tmp_path / "a.onnx").write_bytes(b"no protobuf")
    assert_refused(lambda: description.read(str(tmp_path / "a.onnx")), "says nothing")


@pytest.mark.parametrize(
    ("name", "num_classes", "parameters", "output"),
    [
        ("templates_arch0", 19, 280_147, [90, 120]),
        ("templates_arch1", 19, 268_235, [90, 120]),
        ("auxiliary_arch0", 21, 2_629_909, [90, 120]),
        ("auxiliary_arch2", 21, 2_853_141, [45, 60]),
    ],
)
def test_a_published_architecture_is_described(name, num_classes, parameters, output):
    file = f"configs/architectures/{name}.json"
    arguments = (f"--architecture={file}", f"--num_classes={num_classes}", "--json")
    result = run("-m", "selene_tf.describe", *arguments)
    content = json.loads(result.stdout)
    assert content["parameters"] == parameters
    assert content["parameters_with_auxiliary"] >= parameters
    assert (content["size"], content["output_size"]) == ([360, 480], output)
    text = run("-m", "selene_tf.describe", *arguments[:2]).stdout
    assert f"{parameters:,} parameters" in text
    assert "conv" in text


def test_a_run_is_described(tmp_path):
    save_run(tmp_path / "run")
    result = run("-m", "selene_tf.describe", f"--run_dir={tmp_path / 'run'}", "--json")
    content = json.loads(result.stdout)
    assert content["kind"] == "Routing"
    assert content["operations"]["cells"] == 10
