import json

import numpy as np
import pytest
from PIL import Image, ImageOps

from selene_tf.inference import image_prediction, input_images
from selene_tf.inference.output_files import Output
from selene_tf.inference.predict_image import InferenceMode, choose_mode
from tests.inference.toy_models import Pixelwise, expected_labels
from tests.refusals import assert_refused

SIZES = {"a": (4, 6), "sub/a": (9, 5), "sub/-b c": (8, 8), "z": (1, 1)}


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name, size in SIZES.items():
        path = tmp_path / f"in/{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)
    return tmp_path / "in"


def write(folder, output, model=None, mode=None, **options):
    inputs = input_images.find(str(folder)).images
    output = output if isinstance(output, Output) else Output(output)
    model = model or Pixelwise()
    mode = mode or InferenceMode("whole")
    return image_prediction.write(model, inputs, output, mode, **options)


def damage(path):
    """The end is missing, which its beginning does not show."""
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize("size", [None, (8, 8)])
def test_each_image_has_its_results_below_the_output(folder, tmp_path, size):
    model, shown = Pixelwise(size), []
    content = write(
        folder,
        tmp_path / "out",
        model,
        choose_mode(model),
        show=lambda *counts: shown.append(counts),
    )
    for name, size in SIZES.items():
        image = np.asarray(Image.open(folder / f"{name}.png"))
        labels = np.asarray(Image.open(tmp_path / f"out/labels/{name}.png"))
        np.testing.assert_array_equal(labels, expected_labels(image))
        overlay = np.asarray(Image.open(tmp_path / f"out/overlay/{name}.png"))
        colours = np.array(model.colours)[labels]
        np.testing.assert_allclose(overlay, (image + 1.0 * colours) / 2, atol=1)
        metadata = content["images"][name]
        assert metadata["size"] == list(size)
        for number, share in enumerate(metadata["shares"].values()):
            assert share == pytest.approx((labels == number).mean(), abs=1e-6)
    assert json.loads((tmp_path / "out/classes.json").read_text()) == content
    assert list(content["images"]) == ["a", "sub/-b c", "sub/a", "z"]
    assert content["left_out"] == []
    assert shown == [(1, 4), (2, 4), (3, 4), (4, 4)]
    files = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert len(files) == 2 * 4 + 1


def test_many_images_keep_their_order(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(20):
        image = Image.new("RGB", (number + 1, 2), ("red", "lime", "blue")[number % 3])
        image.save(tmp_path / f"in/{number:02}.png")
    output = Output(tmp_path / "out", labels=False, overlays=False)
    content = write(tmp_path / "in", output)
    for number, (name, metadata) in enumerate(content["images"].items()):
        assert name == f"{number:02}"
        assert metadata["size"] == [2, number + 1]
        assert list(metadata["shares"].values())[number % 3] == 1
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["classes.json"]


def test_images_that_cannot_be_read_are_left_out(folder, tmp_path, capsys):
    damage(folder / "sub/a.png")
    (folder / "z.png").unlink()
    (folder / "z.png").symlink_to(folder / "nowhere.png")
    content = write(folder, tmp_path / "out")
    assert list(content["images"]) == ["a", "sub/-b c"]
    assert [entry["name"] for entry in content["left_out"]] == ["sub/a", "z"]
    assert "damaged" in content["left_out"][0]["reason"]
    lines = capsys.readouterr().err.splitlines()
    assert [line.startswith("left out: ") for line in lines] == [True, True]


def test_if_all_are_left_out_it_is_a_mistake(folder, tmp_path):
    for path in folder.rglob("*.png"):
        path.write_text("no image")
    assert_refused(lambda: write(folder, tmp_path / "out"), "none of 4 images")
    assert not (tmp_path / "out/classes.json").exists()


def test_an_interruption_leaves_whole_files(folder, tmp_path):
    def interrupt(done, _):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(folder, tmp_path / "out", show=interrupt)
    assert not (tmp_path / "out/classes.json").exists()
    files = list((tmp_path / "out").rglob("*.*"))
    assert len(files) >= 4
    for path in files:
        Image.open(path).load()


def turn(path, orientation):
    """Stores an image turned, with the entry that tells."""
    image = Image.open(path)
    image.load()
    exif = Image.Exif()
    exif[274] = orientation
    image.save(path, exif=exif)


def test_turned_images_have_upright_results(folder, tmp_path):
    turn(folder / "a.png", 6)
    content = write(folder, tmp_path / "out")
    assert content["turned"] == 1
    # Stored as 4 x 6, shown as 6 x 4.
    assert content["images"]["a"]["size"] == [6, 4]
    with Image.open(folder / "a.png") as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    labels = np.asarray(Image.open(tmp_path / "out/labels/a.png"))
    np.testing.assert_array_equal(labels, expected_labels(upright))


def test_turned_images_may_be_refused(folder, tmp_path):
    turn(folder / "a.png", 3)
    content = write(folder, tmp_path / "out", exif="refuse")
    assert [entry["name"] for entry in content["left_out"]] == ["a"]
    assert "EXIF orientation 3" in content["left_out"][0]["reason"]
    assert content["turned"] == 0
