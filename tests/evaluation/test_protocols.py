import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from selene_tf.config.protocol import Protocol, parse_protocol
from selene_tf.evaluation import evaluate, protocols
from selene_tf.layers.normalize import Normalize
from tests.refusals import assert_refused

MEAN = (120.0, 110.0, 100.0)


@pytest.fixture(scope="module")
def network():
    """Logits that depend on the place in what is seen, so that windows differ."""
    image = keras.Input((None, None, 3))
    normalized = Normalize(MEAN, (50.0, 50.0, 50.0))(image)
    layer = keras.layers.Conv2D(4, 5, padding="same", name="logits")
    network = keras.Model(image, {"logits": layer(normalized)})
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.get_weights()])
    return network


def images(height=41, width=70, count=2):
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (count, height, width, 3)).astype("float32")


def logits_of(network, shown):
    return np.asarray(network(shown.astype("float32"))["logits"], np.float64)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("whole", Protocol()),
        ("voc", Protocol("centre_pad", (512, 512))),
        ("centre_pad:64x96", Protocol("centre_pad", (64, 96))),
        ("sliding:800x800", Protocol("sliding", (800, 800), (534, 534))),
        ("sliding:64x96:32x48", Protocol("sliding", (64, 96), (32, 48))),
        ("whole+flip+scales:0.5/1/2", Protocol(scales=(0.5, 1, 2), flip=True)),
    ],
)
def test_a_protocol_is_read_from_text(text, expected):
    assert parse_protocol(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "hole", "voc:512x512", "centre_pad", "centre_pad:16x64", "sliding"),
        *("sliding:64", "sliding:64x64:0x8", "sliding:64x64:65x64", "whole+turn"),
        *("whole+scales", "whole+scales:0", "whole+scales:1/nan", "whole+scales:1e9"),
        *("whole:64x64", "sliding:64x64:8x8:8x8", "whole+flip:1", "whole+"),
        "sliding:999999999999x64",
    ],
)
def test_another_text_is_refused(text):
    assert_refused(lambda: parse_protocol(text), "--protocol", f"'{text}'", "sliding:")


def test_whole_images_go_in_as_they_are(network):
    predict = evaluate.predictor(network)
    expected = logits_of(network, images()).argmax(-1)
    np.testing.assert_array_equal(predict(images())["labels"], expected)


@pytest.mark.parametrize(("height", "width"), [(41, 70), (64, 96), (80, 40)])
def test_a_centred_image_lies_in_the_middle_of_the_mean_colour(network, height, width):
    """Sides that are larger than the canvas stay as they are."""
    shown = images(height, width)
    top, left = (max(64 - height, 0) // 2, max(96 - width, 0) // 2)
    canvas = np.empty((2, max(64, height), max(96, width), 3))
    canvas[:] = MEAN
    canvas[:, top : top + height, left : left + width] = shown
    expected = logits_of(network, canvas)
    expected = expected[:, top : top + height, left : left + width].argmax(-1)
    predict = evaluate.predictor(network, parse_protocol("centre_pad:64x96"))
    np.testing.assert_array_equal(predict(shown)["labels"], expected)


@pytest.mark.parametrize(("height", "width"), [(41, 70), (33, 150), (97, 33), (9, 8)])
def test_logits_of_windows_are_averaged(network, height, width):
    """Written out in NumPy; the last window of a row or column ends at the border."""
    window, stride = (36, 40), (20, 17)
    protocol = Protocol("sliding", window, stride)
    shown = images(height, width)
    tall, wide = max(height, window[0]), max(width, window[1])
    canvas = np.empty((2, tall, wide, 3))
    canvas[:] = MEAN
    canvas[:, :height, :width] = shown
    starts = [
        sorted({min(start, side - own) for start in range(0, side, step)})
        for side, own, step in zip((tall, wide), window, stride, strict=True)
    ]
    sums, counts = np.zeros((2, tall, wide, 4)), np.zeros((1, tall, wide, 1))
    for top, left in itertools.product(*starts):
        place = np.s_[:, top : top + window[0], left : left + window[1]]
        sums[place] += logits_of(network, canvas[place])
        counts[place] += 1
    expected = (sums / counts)[:, :height, :width]
    outputs = protocols.predict(network, tf.constant(shown), protocol)
    margin = np.sort(expected, -1)
    clear = margin[..., -1] - margin[..., -2] > 1e-3
    labels = outputs["labels"].numpy()
    np.testing.assert_array_equal(labels[clear], expected.argmax(-1)[clear])
    assert clear.mean() > 0.98
    assert "gates" not in outputs
    number = len(starts[0]) * len(starts[1])
    assert protocol.passes(height, width) == [(window, number)]
    # The same as a graph, for images of any size.
    traced = evaluate.predictor(network, protocol)(shown)["labels"].numpy()
    np.testing.assert_array_equal(traced[clear], labels[clear])


def test_probabilities_of_scales_and_mirrored_images_are_averaged(network):
    shown = images(40, 60)
    protocol = parse_protocol("whole+flip+scales:0.5/1")
    total = 0
    for size, is_mirrored in itertools.product([(20, 30), (40, 60)], (False, True)):
        scaled = tf.image.resize(shown, size).numpy()
        logits = logits_of(network, scaled[:, :, ::-1] if is_mirrored else scaled)
        logits = logits[:, :, ::-1] if is_mirrored else logits
        logits = tf.image.resize(logits, (40, 60)).numpy().astype(np.float64)
        exponents = np.exp(logits - logits.max(-1, keepdims=True))
        total = total + exponents / exponents.sum(-1, keepdims=True)
    margin = np.sort(total, -1)
    clear = margin[..., -1] - margin[..., -2] > 1e-3
    labels = protocols.predict(network, tf.constant(shown), protocol)["labels"]
    np.testing.assert_array_equal(labels.numpy()[clear], total.argmax(-1)[clear])
    assert clear.mean() > 0.95
    assert protocol.passes(40, 60) == [((20, 30), 2), ((40, 60), 2)]


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("whole", [((50, 70), 1)]),
        ("voc", [((512, 512), 1)]),
        # What the published code shows of a Cityscapes image: 2 x 4 windows.
        ("sliding:800x800:534x534", [((800, 800), 1)]),
        ("centre_pad:64x64+flip", [((64, 70), 2)]),
    ],
)
def test_what_the_network_sees_is_told(text, passes):
    assert parse_protocol(text).passes(50, 70) == passes


def test_a_cityscapes_image_has_eight_windows():
    protocol = parse_protocol("sliding:800x800:534x534")
    assert protocol.passes(1024, 2048) == [((800, 800), 8)]
