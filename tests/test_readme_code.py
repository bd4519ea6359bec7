"""The README's Python runs as it stands there, but for names of files and sizes."""

import pathlib
import re

import numpy as np
import pytest
from PIL import Image

from selene_tf.export import saved_model
from tests.export import exported
from tests.pretrained import official_weights

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")

README = pathlib.Path(__file__).parents[1] / "README.md"


def _run(containing, replacements, **names):
    """Runs the README's block that contains a text; returns what it defines."""
    blocks = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.M | re.S)
    code = next(block for block in blocks if containing in block)
    for text, replacement in replacements.items():
        assert text in code
        code = code.replace(text, replacement)
    exec(code, names)
    return names


@pytest.mark.slow
def test_an_exported_network_needs_tensorflow_only(tmp_path):
    network = exported.network()
    examples = exported.examples(network)
    saved_model.export(network, tmp_path / "model", examples, exported.metadata())
    image, _ = examples[0]
    Image.fromarray(image).save(tmp_path / "street.png")
    replacements = {
        "runs/demo/saved_model/1": str(tmp_path / "model/1"),
        "street.jpg": str(tmp_path / "street.png"),
    }
    labels = _run("saved_model.load", replacements)["labels"]
    logits = network(image[None].astype("float32"))["logits"][0]
    np.testing.assert_array_equal(labels, np.argmax(logits, -1))


def test_official_weights_are_loaded(tmp_path, capsys):
    file = tmp_path / "model.npz"
    np.savez(file, **official_weights.random_weights())
    replacements = {
        "num_classes=19": "num_classes=5, channels=4, num_layers=3",
        "model.pth": str(file),
    }
    images = np.zeros((1, 32, 32, 3), "float32")
    names = _run("load_dynamic_routing", replacements, images=images)
    assert names["logits"].shape == (1, 32, 32, 5)
    assert "model.npz" in capsys.readouterr().out
