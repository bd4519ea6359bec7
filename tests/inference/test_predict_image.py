import numpy as np
import pytest

from selene_tf.cli import memory
from selene_tf.inference import large_images
from selene_tf.inference.predict_image import InferenceMode, choose_mode, label_map
from tests.inference.toy_models import Pixelwise, expected_labels
from tests.refusals import assert_refused


def random_image(height, width):
    rng = np.random.default_rng(1)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("size", "mode", "tile_size", "expected"),
    [
        (None, "auto", None, InferenceMode("whole", automatic=True)),
        (None, "whole", None, InferenceMode("whole")),
        (None, "auto", (8, 9), InferenceMode("sliding", (8, 9))),
        ((4, 6), "auto", None, InferenceMode("sliding", (4, 6))),
        ((4, 6), "sliding", (4, 6), InferenceMode("sliding", (4, 6))),
        ((4, 6), "resize", None, InferenceMode("resize", (4, 6))),
        (None, "resize", (8, 9), InferenceMode("resize", (8, 9))),
    ],
)
def test_the_mode_follows_from_the_network_and_the_flags(
    size, mode, tile_size, expected
):
    assert choose_mode(Pixelwise(size), mode, tile_size) == expected


def test_what_was_trained_on_images_of_one_size_sees_them_so():
    for size in (None, (4, 6)):
        model = Pixelwise(size, metadata={"image_size": [4, 6]})
        assert choose_mode(model) == InferenceMode("resize", (4, 6))
        assert choose_mode(model, tile_size=(4, 6)) == InferenceMode("sliding", (4, 6))
        assert choose_mode(model, "sliding", (4, 6)) == InferenceMode("sliding", (4, 6))


@pytest.mark.parametrize(
    ("size", "mode", "tile_size", "overlap", "words"),
    [
        ((4, 6), "whole", None, 0.25, ["--fit=whole", "4 x 6", "sliding or resize"]),
        ((4, 6), "auto", (4, 7), 0.25, ["--tile_size", "4 x 7", "4 x 6"]),
        (None, "whole", (4, 7), 0.25, ["--tile_size", "--fit=whole"]),
        (None, "sliding", None, 0.25, ["--fit=sliding", "'toy'", "--tile_size"]),
        (None, "resize", None, 0.25, ["--fit=resize", "--tile_size"]),
        (None, "stretch", None, 0.25, ["--fit", "stretch", "whole"]),
        (None, "auto", (4, 0), 0.25, ["--tile_size", "'4,0'"]),
        (None, "auto", (4,), 0.25, ["--tile_size", "'4'"]),
        (None, "auto", None, 1.0, ["--overlap", "found 1,"]),
        (None, "auto", None, -0.1, ["--overlap", "-0.1"]),
        (None, "auto", None, float("nan"), ["--overlap", "nan"]),
    ],
)
def test_contradictions_are_refused(size, mode, tile_size, overlap, words):
    model = Pixelwise(size)
    assert_refused(lambda: choose_mode(model, mode, tile_size, overlap), *words)


@pytest.mark.parametrize("mode", ["whole", "resize", "sliding"])
@pytest.mark.parametrize("size", [(9, 14), (1, 1)])
def test_all_ways_agree_at_the_networks_size(mode, size):
    image = random_image(*size)
    mode = InferenceMode(mode, None if mode == "whole" else size)
    labels = label_map(Pixelwise(), image, mode)
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, expected_labels(image))


@pytest.mark.parametrize("size", [(5, 40), (30, 7), (31, 33)])
def test_sliding_suits_a_network_of_one_size(size):
    model, image = Pixelwise((8, 8)), random_image(*size)
    labels = label_map(model, image, choose_mode(model))
    np.testing.assert_array_equal(labels, expected_labels(image))
    assert {shape[1:] for shape in model.shapes} == {(8, 8, 3)}


def enlarged(values, size):
    """Bilinear, half-pixel centres, clamped; float (height, width, channels)."""
    for axis, length in enumerate(size):
        known = values.shape[axis]
        place = (np.arange(length) + 0.5) * known / length - 0.5
        place = place.clip(0, known - 1)
        low = np.floor(place).astype(int)
        high = np.minimum(low + 1, known - 1)
        share = (place - low).reshape([-1 if a == axis else 1 for a in range(3)])
        values = values.take(low, axis) * (1 - share) + values.take(high, axis) * share
    return values


def test_resized_logits_come_back_bilinearly():
    scores = np.random.default_rng(2).normal(size=(4, 5, 3)).astype(np.float32)

    class Fixed(Pixelwise):
        def compute_logits(self, images):
            assert images.shape == (1, 4, 5, 3)
            return scores[None]

    model = Fixed((4, 5))
    labels = label_map(model, random_image(13, 22), choose_mode(model, "resize"))
    expected = enlarged(scores.astype(np.float64), (13, 22))
    np.testing.assert_array_equal(labels, expected.argmax(-1))


def test_resizing_keeps_large_areas_in_place():
    image = np.zeros((40, 60, 3), np.uint8)
    image[:20, :30, 0] = image[20:, :30, 1] = image[:, 30:, 2] = 255
    labels = label_map(Pixelwise(), image, InferenceMode("resize", (10, 12)))
    differs = labels != expected_labels(image)
    near = np.zeros((40, 60), bool)
    near[16:24, :34] = near[:, 26:34] = True
    assert not (differs & ~near).any()


def test_automatically_large_images_go_through_in_windows(monkeypatch):
    monkeypatch.setattr(large_images, "WINDOW", (8, 8))
    needed = large_images.bytes_at_once(Pixelwise(), (20, 31))
    monkeypatch.setattr(large_images, "MOST_AT_ONCE", needed - 1)
    for size, shapes in (((20, 30), {(20, 30, 3)}), ((20, 31), {(8, 8, 3)})):
        model, image = Pixelwise(), random_image(*size)
        labels = label_map(model, image, choose_mode(model))
        np.testing.assert_array_equal(labels, expected_labels(image))
        assert {shape[1:] for shape in model.shapes} == shapes
    # Who asks for the whole image gets it.
    model = Pixelwise()
    label_map(model, random_image(20, 31), choose_mode(model, "whole"))
    assert model.shapes == [(1, 20, 31, 3)]


@pytest.mark.parametrize("mode", ["whole", "sliding", "resize"])
def test_what_does_not_fit_into_the_memory_is_refused_before(monkeypatch, mode):
    monkeypatch.setattr(memory, "available_bytes", lambda: 1000)
    model = Pixelwise()
    mode = choose_mode(model, mode, None if mode == "whole" else (8, 8))
    words = ["20 x 31", "GB of memory", f"--fit={mode.mode}", "--tile_size"]
    assert_refused(lambda: label_map(model, random_image(20, 31), mode), *words)
    assert model.shapes == []


def test_too_little_memory_is_one_line():
    class Exhausted(Pixelwise):
        def compute_labels(self, _images):
            raise MemoryError

    image = random_image(3, 4)
    assert_refused(
        lambda: label_map(Exhausted(), image, InferenceMode("whole")),
        "3 x 4",
        "--fit=sliding",
    )
