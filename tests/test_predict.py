"""The command: once with a run's network, else with a toy for what the loader gives."""

import json

import numpy as np
import pytest
from PIL import Image

from selene_tf.cli import memory
from selene_tf.inference import large_images, loading
from tests.commands import assert_one_line, run, run_process
from tests.inference import toy_models

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")


def predict(*arguments, run=run):
    return run("-m", "selene_tf.predict", *arguments)


@pytest.fixture
def toys(monkeypatch):
    """The loader gives toys, and nothing else: mistakes show before it is called."""

    def load(name, trust):
        assert not trust
        assert name.startswith("toy"), name
        return toy_models.Pixelwise((8, 8) if name == "toy8" else None, name)

    monkeypatch.setattr(loading, "load", load)


def save(path, seed=0, size=(20, 11)):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


def test_an_image_goes_through_a_runs_network(saved_run, tmp_path):
    save(tmp_path / "in/a.png", size=(40, 70))
    out = tmp_path / "out"
    arguments = (f"--model={saved_run}", f"--input={tmp_path}/in", f"--output={out}")
    result = predict(*arguments, run=run_process)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(f"1 image of {saved_run} to {out}: ")
    content = json.loads((out / "classes.json").read_text())
    with Image.open(out / "labels/a.png") as image:
        labels = np.asarray(image)
    assert labels.shape == (40, 70)
    counts = np.bincount(labels.ravel(), minlength=len(content["class_names"]))
    expected = dict(zip(content["class_names"], counts / labels.size, strict=True))
    assert content["images"]["a"]["shares"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.usefixtures("toys")
def test_a_folder_becomes_label_maps_overlays_and_shares(tmp_path):
    first = save(tmp_path / "-in/a b.png")
    second = save(tmp_path / "-in/ü/a b.bmp", 1)
    (tmp_path / "-in/read.me").touch()
    out = tmp_path / "new/-out"
    result = predict(
        "--model=toy8", f"--input={tmp_path}/-in", f"--output={out}", "--opacity=1"
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == f"note: 1 other file in {tmp_path}/-in is no image"
    assert lines[1].startswith(f"2 images of toy8 to {out}: ")
    assert "images/s (decoding and writing included; network alone " in lines[1]
    assert len(lines) == 3
    assert all(name in lines[2] for name in ("red", "green", "blue"))
    content = json.loads((out / "classes.json").read_text())
    assert (content["fit"], content["tile_size"]) == ("sliding", [8, 8])
    for name, pixels in (("a b", first), ("ü/a b", second)):
        labels = np.asarray(Image.open(out / f"labels/{name}.png"))
        np.testing.assert_array_equal(labels, toy_models.expected_labels(pixels))
        overlay = np.asarray(Image.open(out / f"overlay/{name}.png"))
        np.testing.assert_array_equal(overlay, np.array(content["colours"])[labels])


@pytest.mark.usefixtures("toys")
def test_a_video_becomes_a_video(tmp_path):
    pytest.importorskip("av")
    from fractions import Fraction

    from selene_tf.inference import video_files

    with video_files.writing(tmp_path / "clip.mp4", Fraction(5)) as add:
        for number in range(3):
            add(Fraction(number, 5), np.full((32, 32, 3), 80 * number, np.uint8))
    out = tmp_path / "out"
    result = predict("--model=toy", f"--input={tmp_path}/clip.mp4", f"--output={out}")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"3 frames of toy to {out}: ")
    assert sorted(p.name for p in out.iterdir()) == ["classes.json", "overlay.mp4"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("place")
    save(place / "in/a.png")
    (place / "empty").mkdir()
    (place / "full").mkdir()
    (place / "full/file").touch()
    (place / "prose.txt").write_text("Call me Ishmael.")
    (place / "gone.txt").write_text("gone.png\n")
    (place / "bad.png").write_bytes((place / "in/a.png").read_bytes()[:-30])
    return place


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize(("flags", "status"), [((), 1), (("--on_bad_sample=skip",), 0)])
def test_one_bad_image_does_not_end_a_folder(tmp_path, flags, status):
    save(tmp_path / "in/a.png")
    save(tmp_path / "in/c.png")
    (tmp_path / "in/b.png").write_bytes(b"no image")
    out = tmp_path / "out"
    result = predict("--model=toy", f"--input={tmp_path}/in", f"--output={out}", *flags)
    assert result.returncode == status
    assert result.stdout.startswith("2 images of toy to ")
    assert {path.name for path in (out / "labels").iterdir()} == {"a.png", "c.png"}
    (left_out,) = json.loads((out / "classes.json").read_text())["left_out"]
    assert left_out["name"] == "b"
    last = result.stderr.splitlines()[-1]
    assert last.startswith("error: --input: 1 of 3 images" if status else "left out: ")
    assert "b" in last


@pytest.mark.usefixtures("toys")
def test_a_file_of_another_kind_is_told_what_can_be_read(tmp_path):
    (tmp_path / "a.doc").write_text("prose")
    result = predict(
        "--model=toy", f"--input={tmp_path}/a.doc", f"--output={tmp_path}/out"
    )
    assert_one_line(result, "a.doc", ".png", ".mp4", ".m4v", ".ts", "NAME.txt")


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": ""}, ["--model", "nothing"]),
        ({"input": ""}, ["--input", "nothing"]),
        ({"output": ""}, ["--output", "nothing"]),
        ({"input": "{}/none"}, ["--input", "{}/none"]),
        ({"input": "{}/empty"}, ["no image in '{}/empty'"]),
        ({"input": "{}/prose.txt"}, ["{}/prose.txt:1", "3 names"]),
        ({"output": "{}/full"}, ["--output", "{}/full", "files already"]),
        ({"output": "{}/prose.txt/x"}, ["--output", "{}/prose.txt"]),
        ({"output": "{}/in/out"}, ["--output", "folder of the images"]),
        ({"tile_size": "0"}, ["--tile_size", "'0'"]),
        ({"tile_size": "abc"}, ["--tile_size", "'abc'"]),
        ({"tile_size": "7"}, ["--tile_size", "'7'"]),
        ({"overlap": "1"}, ["--overlap", "found 1,"]),
        ({"opacity": "2"}, ["--opacity", "found 2,"]),
        ({"fit": "stretch"}, ["--fit", "stretch"]),
        ({"fit": "whole", "model": "toy8"}, ["--fit=whole", "'toy8'", "8 x 8"]),
        ({"input": "{}/gone.txt", "model": "toy"}, ["{}/gone.png", "No such file"]),
        ({"input": "{}/bad.png", "model": "toy"}, ["{}/bad.png", "damaged"]),
    ],
)
def test_a_mistake_is_one_line(place, tmp_path, changes, words):
    values = {"model": "unread", "input": "{}/in", "output": f"{tmp_path}/out"}
    values |= changes
    flags = [f"--{name}={value.format(place)}" for name, value in values.items()]
    assert_one_line(predict(*flags), *[word.format(place) for word in words])
    assert not (tmp_path / "out/classes.json").exists()


def toy_with(monkeypatch, **metadata):
    toy = toy_models.Pixelwise(metadata=metadata)
    monkeypatch.setattr(loading, "load", lambda *_, **__: toy)


def test_label_maps_have_the_data_sets_values(tmp_path, monkeypatch):
    toy_with(monkeypatch, mask_values=[7, 11, 40], mask_palette=None)
    pixels = save(tmp_path / "in/a.png")
    out, flags = tmp_path / "out", ("--model=toy", "--ids=dataset")
    result = predict(*flags, f"--input={tmp_path}/in", f"--output={out}")
    assert result.returncode == 0, result.stderr
    labels = np.asarray(Image.open(out / "labels/a.png"))
    expected = np.array([7, 11, 40])[toy_models.expected_labels(pixels)]
    np.testing.assert_array_equal(labels, expected)
    content = json.loads((out / "classes.json").read_text())
    assert content["label_values"] == [7, 11, 40]


def test_an_image_that_does_not_fit_does_not_end_a_folder(tmp_path, monkeypatch):
    toy_with(monkeypatch)
    save(tmp_path / "in/a.png")
    save(tmp_path / "in/large.png", size=(200, 200))
    needed = large_images.bytes_at_once(toy_models.Pixelwise(), (200, 200))
    monkeypatch.setattr(memory, "available_bytes", lambda: needed)
    out = tmp_path / "out"
    result = predict("--model=toy", f"--input={tmp_path}/in", f"--output={out}")
    assert result.returncode == 1
    assert {path.name for path in (out / "labels").iterdir()} == {"a.png"}
    assert "large.png: an image of 200 x 200 pixels" in result.stderr


@pytest.mark.usefixtures("toys")
def test_more_pixels_than_allowed_are_refused(tmp_path):
    save(tmp_path / "a.png", size=(200, 200))
    flags = ("--model=toy", f"--input={tmp_path}/a.png", f"--output={tmp_path}/out")
    assert_one_line(predict(*flags, "--max_megapixels=0.03"), "--max_megapixels")
    assert predict(*flags, "--max_megapixels=0.05").returncode == 0
    for number in ("inf", "nan", "0"):
        result = predict(*flags, f"--max_megapixels={number}")
        assert_one_line(result, "--max_megapixels", number)


@pytest.mark.usefixtures("toys")
def test_large_images_say_how_they_were_predicted(tmp_path, monkeypatch):
    save(tmp_path / "a.png", size=(40, 40))
    monkeypatch.setattr(large_images, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(large_images, "WINDOW", (16, 16))
    out = tmp_path / "out"
    result = predict("--model=toy", f"--input={tmp_path}/a.png", f"--output={out}")
    assert result.returncode == 0, result.stderr
    image = json.loads((out / "classes.json").read_text())["images"]["a"]
    assert (image["fit"], image["tile_size"]) == ("sliding", [16, 16])
