import pytest

from selene_tf.export import model_card
from selene_tf.export.metadata import complete_metadata
from tests.export import exported

CHECK = {
    "images": 8,
    "label_agreement": 0.98765,
    "mean_iou": 0.41,
    "mean_iou_of_network": 0.42,
    "max_logit_difference": 0.03,
}


def metadata(kind="tflite", size=exported.SIZE, licence="", **kwargs):
    complete = complete_metadata(exported.metadata(licence), kind, size, **kwargs)
    return {**complete, "check": CHECK}


def test_it_gives_the_figures():
    card = model_card.card(metadata(quantization="int8"))
    for part in (
        "| 0 | road | #000000 | 0.2500 |",
        # A bar would end the table's cell.
        "| 1 | sky \\| air | #ff0010 | 0.7500 |",
        "| 2 | Straße | #0080ff | absent |",
        "12,345 parameters",
        "32 x 64",
        "1.5 million",
        "98.7650%",
        "mIoU 0.4100, the network's 0.4200",
        "eight bits",
        "selene_tf 1.2.3",
    ):
        assert part in card


def test_licence():
    assert "Not stated by who exported it." in model_card.card(metadata())
    assert "CC BY 4.0" in model_card.card(metadata(licence="CC BY 4.0"))


def test_path_and_gates():
    card = model_card.card({**metadata(), "path": "threshold 0.1", "gates": "kept"})
    assert "threshold 0.1" in card
    assert "every image chooses its routes" in card


@pytest.mark.parametrize(
    ("kind", "call"),
    [
        ("saved_model", "tf.saved_model.load"),
        ("tflite", "get_signature_runner"),
        ("onnx", "InferenceSession"),
    ],
)
def test_use(kind, call):
    card = model_card.card(metadata(kind))
    assert call in card
    batch = 1 if kind == "tflite" else "batch"
    assert f"uint8 ({batch}, 32, 64, 3)" in card
    code = card.partition("```python\n")[2].partition("```")[0]
    compile(code, "card", "exec")


def test_without_a_fixed_size_or_a_comparison():
    unchecked = metadata("saved_model", size=None, outputs=("labels", "probabilities"))
    del unchecked["check"]
    card = model_card.card(unchecked)
    assert "uint8 (batch, height, width, 3)" in card
    assert "`probabilities`" in card
    assert "Not compared." in card
