import json

import numpy as np
import pytest
from PIL import Image

from selene_tf.inference import output_files
from selene_tf.inference.label_values import LabelValues
from selene_tf.inference.output_files import Output
from selene_tf.inference.predict_image import InferenceMode
from tests.inference.toy_models import COLOURS, Pixelwise
from tests.refusals import assert_refused


def random_labels():
    rng = np.random.default_rng(0)
    return rng.integers(0, 3, (7, 9)).astype(np.uint8)


@pytest.mark.parametrize("opacity", [-0.1, 2, float("nan")])
def test_an_opacity_is_a_share(tmp_path, opacity):
    output = Output(tmp_path / "new", opacity=opacity)
    assert_refused(output.check, "--opacity", f"found {opacity:g}")


def test_a_new_or_empty_folder_is_fine_and_is_not_made_yet(tmp_path):
    Output(tmp_path).check()
    Output(tmp_path / "a/b").check()
    assert not any(tmp_path.iterdir())


def test_what_is_there_is_not_overwritten(tmp_path):
    (tmp_path / "file").touch()
    assert_refused(Output(tmp_path).check, "--output", tmp_path, "new or empty")
    assert_refused(Output(tmp_path / "file").check, "--output", "Not a directory")
    below = Output(tmp_path / "file/x")
    assert_refused(below.check, "--output", f"'{tmp_path}/file'")


def test_results_do_not_go_where_the_images_are(tmp_path):
    output = Output(tmp_path / "in/out")
    output.check(str(tmp_path / "in/a.png"))
    (tmp_path / "in").mkdir()
    assert_refused(
        lambda: output.check(str(tmp_path / "in")), "--output", "folder of the images"
    )
    Output(tmp_path / "inner").check(str(tmp_path / "in"))


def test_label_maps_come_back_as_they_were(tmp_path):
    Output(tmp_path).write_labels("a b/ü", random_labels())
    with Image.open(tmp_path / "labels/a b/ü.png") as image:
        assert image.mode == "L"
        np.testing.assert_array_equal(np.asarray(image), random_labels())
    assert len(list(tmp_path.rglob("*.*"))) == 1


def test_overlays_are_blended_in_the_opacity(tmp_path):
    image = np.full((7, 9, 3), 60, np.uint8)
    output = Output(tmp_path, opacity=0.25)
    output.write_overlay("a", image, random_labels(), COLOURS)
    shown = np.asarray(Image.open(tmp_path / "overlay/a.png"))
    expected = 0.75 * 60 + 0.25 * np.array(COLOURS)[random_labels()]
    np.testing.assert_allclose(shown, expected, atol=1)


def test_what_is_not_wanted_is_not_written(tmp_path):
    output = Output(tmp_path, labels=False, overlays=False)
    output.write_labels("a", random_labels())
    output.write_overlay("a", np.zeros((7, 9, 3), np.uint8), random_labels(), COLOURS)
    assert not any(tmp_path.iterdir())


def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def full(image, file, *_, **__):  # noqa: ARG001
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    output = Output(tmp_path)
    assert_refused(
        lambda: output.write_labels("a", random_labels()), "--output", "No space left"
    )
    assert not any((tmp_path / "labels").iterdir())


def test_shares_are_those_of_the_pixels():
    labels = np.array([[0, 0, 2, 2], [0, 2, 2, 2]], np.uint8)
    assert output_files.shares(labels, 4) == [3 / 8, 0, 5 / 8, 0]


@pytest.mark.parametrize("values", [None, (7, 9, 8)])
def test_facts_can_be_written_as_json(values):
    model = Pixelwise((4, 6), name="my model")
    mode = InferenceMode("resize", (4, 6))
    metadata = output_files.metadata(model, mode, LabelValues(values))
    metadata = json.loads(json.dumps(metadata))
    assert metadata == {
        "model": "my model",
        "class_names": ["red", "green", "blue"],
        "colours": [[200, 0, 0], [0, 200, 0], [0, 0, 200]],
        "label_values": list(values or (0, 1, 2)),
        "fit": "resize",
        "tile_size": [4, 6],
    }


def test_the_summary_has_the_largest_means():
    names = ["a", "b", "c", "d", "e", "f"]
    shares = [[0.5, 0.1, 0.1, 0.1, 0.2, 0.0], [0.1, 0.1, 0.2, 0.5, 0.0, 0.1]]
    images = {
        str(number): {"shares": dict(zip(names, row, strict=True))}
        for number, row in enumerate(shares)
    }
    speeds = {"images_per_second": 2.5, "network_images_per_second": 4.0}
    content = {"model": "M", "class_names": names, **speeds}
    text = output_files.summary({**content, "images": images}, "D")
    assert text.splitlines() == [
        "2 images of M to D: 2.5 images/s (decoding and writing included; network "
        "alone 4.0)",
        "a 30.0%, d 30.0%, c 15.0%, b 10.0%, e 10.0%",
    ]
    text = output_files.summary({**content, "video": {"shares": shares[:1]}}, "D")
    assert text.startswith("1 frame of M to D: 2.5 frames/s")


def test_the_clock_knows_the_networks_part():
    clock = output_files.Clock()
    assert clock.network(max, 1, 2) == 2
    rates = clock.rates(3)
    assert rates["network_images_per_second"] >= rates["images_per_second"] > 0
