"""What a SavedModel gives, and its signature for the content of image files."""

import io
import struct
import zlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from selene_tf.errors import UserError
from selene_tf.export import agreement, command_line, saved_model
from selene_tf.inference.saved_model import load, read_signature
from tests.export import exported

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")
SIZE = (6, 9)


@pytest.fixture(scope="module")
def network():
    """One layer: what goes out is asked here, and not of what."""
    keras.utils.set_random_seed(0)
    image = keras.Input((None, None, 3))
    logits = keras.layers.Conv2D(3, 1, name="predictor")(image / 255)
    return keras.Model(image, {"logits": logits})


@pytest.fixture(scope="module")
def folders(network, tmp_path_factory):
    folder, examples = tmp_path_factory.mktemp("models"), exported.examples(network)

    def export(name, outputs, **options):
        saved_model.export(
            network,
            folder / name,
            options.pop("examples", examples),
            exported.metadata(),
            outputs=outputs,
            **options,
        )

    export("labels", ("labels",))
    export("all", saved_model.OUTPUTS)
    export(
        "fixed",
        ("labels", "probabilities"),
        size=SIZE,
        examples=exported.examples(network, (SIZE,)),
    )
    return folder


def as_file(pixels, kind="PNG"):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def encoded(folder, *contents):
    signature = load(folder).signature("encoded")
    return signature(image_bytes=tf.constant(list(contents)))


@pytest.mark.parametrize(
    ("text", "scores", "expected"),
    [
        ("", "", ("labels", "logits")),
        ("", "probabilities", ("labels", "probabilities")),
        ("labels", "", ("labels",)),
        ("probabilities, labels", "", ("labels", "probabilities")),
        ("all", "", ("labels", "logits", "probabilities")),
    ],
)
def test_the_flag_names_what_goes_out(text, scores, expected):
    assert command_line.outputs(text, scores) == expected


@pytest.mark.parametrize(
    ("text", "scores"),
    [("logits", ""), ("labels,votes", ""), ("labels,labels", ""), ("labels", "logits")],
)
def test_other_outputs_are_refused(text, scores):
    with pytest.raises(UserError, match="--(outputs|scores): found"):
        command_line.outputs(text, scores)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("labels", {"labels"}),
        ("all", {"labels", "logits", "probabilities"}),
        ("fixed", {"labels", "probabilities"}),
    ],
)
def test_both_signatures_give_what_was_asked_for(folders, network, name, expected):
    (pixels,) = exported.images((SIZE,))
    logits = np.asarray(network(pixels[None].astype("float32"))["logits"])
    plain = read_signature(folders / name / "1")(image=tf.constant(pixels[None]))
    for given in (plain, encoded(folders / name, as_file(pixels))):
        assert given.keys() == expected
        np.testing.assert_array_equal(given["labels"], logits.argmax(-1))
        if "logits" in given:
            np.testing.assert_allclose(given["logits"], logits, atol=1e-6)
        if "probabilities" in given:
            shares = tf.nn.softmax(logits)
            np.testing.assert_allclose(given["probabilities"], shares, atol=1e-6)


def test_files_of_several_kinds_are_decoded(folders, network):
    """Grey and transparent PNGs and JPEGs in one request, each as its pixels are."""
    rgb = exported.images((SIZE,))[0]
    grey = rgb[..., 0]
    rgba = np.dstack([rgb, np.full(SIZE, 7, np.uint8)])
    jpeg = as_file(rgb, "JPEG")
    labels = encoded(folders / "all", as_file(rgb), as_file(grey), as_file(rgba), jpeg)[
        "labels"
    ].numpy()
    shown = np.stack(
        [rgb, np.dstack([grey] * 3), rgb, np.asarray(Image.open(io.BytesIO(jpeg)))]
    )
    expected = np.asarray(network(shown.astype("float32"))["logits"]).argmax(-1)
    np.testing.assert_array_equal(labels[:3], expected[:3])
    # Decoders of JPEG may differ by a grey level.
    assert (labels[3] == expected[3]).mean() > 0.9


@pytest.mark.parametrize("name", ["all", "fixed"])
@pytest.mark.parametrize("content", [b"", b"no image", "cut", "other size"])
def test_a_wrong_file_is_an_ordinary_error(folders, name, content):
    good = as_file(exported.images((SIZE,))[0])
    if content == "cut":
        content = good[:-20]
    if content == "other size":
        content = as_file(np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(tf.errors.InvalidArgumentError):
        encoded(folders / name, good, content)


def with_size(content, width, height):
    """A small file whose header declares another size."""
    sides = struct.pack(">II", width, height)
    if content[:4] == b"\x89PNG":
        header = b"IHDR" + sides + content[24:29]
        checksum = struct.pack(">I", zlib.crc32(header))
        return content[:12] + header + checksum + content[33:]
    place = content.index(b"\xff\xc0") + 5
    return content[:place] + struct.pack(">HH", height, width) + content[place + 4 :]


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_small_file_that_declares_more_pixels_than_fit_is_refused_undecoded(
    folders, kind
):
    content = as_file(exported.images((SIZE,))[0], kind)
    huge = with_size(content, 60_000, 60_000)
    assert len(huge) < 10_000
    with pytest.raises(tf.errors.InvalidArgumentError, match="179 megapixels"):
        encoded(folders / "all", huge)


@pytest.mark.parametrize("kind", ["GIF", "BMP"])
def test_other_kinds_of_files_are_refused(folders, kind):
    content = as_file(exported.images((SIZE,))[0], kind)
    with pytest.raises(tf.errors.InvalidArgumentError, match="JPEG or PNG"):
        encoded(folders / "all", content)


def test_labels_alone_are_compared_as_such(folders, network):
    model = load(folders / "labels")
    assert not model.gives_scores
    examples = exported.examples(network)
    result = agreement.compare(network, model, examples, 3)
    assert (result["label_agreement"], result["max_logit_difference"]) == (1.0, None)
    agreement.require(result)
    assert "scores differ" not in agreement.line(result)
    card = (folders / "labels/1/assets.extra/MODEL_CARD.md").read_text()
    assert "scores differ" not in card
    assert "Outputs `labels`: int32 (batch, height, width), ids of classes.\n" in card


def test_labels_alone_cannot_be_averaged(folders):
    model = load(folders / "labels")
    with pytest.raises(UserError, match="gives labels alone .* --fit=whole"):
        model.logits(np.zeros((1, 4, 4, 3), np.uint8))


def test_a_conversion_that_decodes_otherwise_is_not_written(
    network, tmp_path, monkeypatch
):
    decode = tf.io.decode_image
    monkeypatch.setattr(tf.io, "decode_image", lambda *a, **k: 255 - decode(*a, **k))
    examples = exported.examples(network)
    with pytest.raises(UserError, match="nothing was written, since of a PNG file"):
        saved_model.export(network, tmp_path / "m", examples, exported.metadata())
    assert not list(tmp_path.glob("m/*"))
