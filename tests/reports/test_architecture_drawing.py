import pathlib

import pytest
from PIL import Image

from selene_tf.architectures import architecture_file
from selene_tf.reports import architecture_drawing

FILES = sorted(
    (pathlib.Path(__file__).parents[2] / "configs/architectures").glob("*.json")
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_block_is_drawn_with_what_it_computes(file, tmp_path):
    architecture = architecture_file.read(file, 11)
    (axes,) = architecture_drawing.figure(architecture).axes
    texts = [text.get_text() for text in axes.texts if text.get_text()]
    blocks = len(getattr(architecture, "structure", None) or architecture.connections)
    encoders = [text for text in texts if text.startswith("encoder")]
    assert len(texts) == len(encoders) + blocks + 1
    assert "head" in texts
    architecture_drawing.draw(architecture, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PNG"
        assert min(image.size) > 200
