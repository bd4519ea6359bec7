"""Each data set in its own format, from unchanged files to a trained network."""

import functools
import json

import numpy as np
import pytest
from PIL import Image

from selene_tf import experiment
from selene_tf.config import Config
from selene_tf.data.datasets import dataset_info
from selene_tf.errors import UserError
from selene_tf.experiment import gates
from tests.commands import assert_one_line, run
from tests.data.datasets import tfds_files
from tests.experiment.saved_runs import save_run

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")

RNG = np.random.default_rng(0)
SIZES = {"crop_size": (32, 48), "channels": 4, "num_layers": 3, "batch_size": 2}
TINY = SIZES | {
    **{"steps": 2, "warm_up_steps": 1, "evaluate_every": 2, "num_predictions": 1},
    **{"labelled_ratio": 2, "strategy": "one", "algorithm": "supervised"},
    "write_report": False,
}


def train(dataset, data_dir, run_dir, **changes):
    """Trains in this process; returns the summary."""
    where = {"dataset": dataset, "data_dir": str(data_dir), "run_dir": str(run_dir)}
    return experiment.train(Config(**TINY | where | changes))


def save(path, array, palette=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array.astype(np.uint8), "P" if palette else None)
    if palette:
        image.putpalette(
            [part for n in range(256) for part in dataset_info.bit_colour(n)]
        )
    image.save(path)


def image_array(height, width):
    return RNG.integers(0, 256, (height, width, 3))


def blocks(values, height, width):
    return (
        RNG.choice(values, (height // 4 + 1, width // 4 + 1))
        .repeat(4, 0)
        .repeat(4, 1)[:height, :width]
    )


def make_cityscapes(folder):
    for split, count in (("train", 4), ("val", 2)):
        for number in range(count):
            name = f"{split}/ulm/ulm_{number:06}_000019"
            save(folder / f"leftImg8bit/{name}_leftImg8bit.png", image_array(64, 128))
            mask = blocks(range(34), 64, 128)
            save(folder / f"gtFine/{name}_gtFine_labelIds.png", mask)


def make_pascal_voc(folder):
    """Images of sizes of their own, palette masks with borders of 255."""
    ids = {"train": ["2007_000032", "2007_000039", "2007_000063"], "val": ["2007_1"]}
    lists = folder / "VOC2012/ImageSets/Segmentation"
    lists.mkdir(parents=True)
    for split, names in ids.items():
        (lists / f"{split}.txt").write_text("\n".join(names) + "\n")
        for number, name in enumerate(names):
            size = 40 + 3 * number, 70 - 7 * number
            save(folder / f"VOC2012/JPEGImages/{name}.jpg", image_array(*size))
            mask = blocks([*range(21), 255], *size)
            save(folder / f"VOC2012/SegmentationClass/{name}.png", mask, palette=True)


def make_camvid(folder):
    """The 960x720 distribution's folders and colours."""
    colours = np.array(list(dataset_info.CAMVID.labels.colours))
    for split, count in (("train", 4), ("val", 2)):
        for number in range(count):
            save(folder / f"{split}/0001TP_{number:06}.png", image_array(72, 96))
            mask = colours[blocks(range(len(colours)), 72, 96)]
            save(folder / f"{split}_labels/0001TP_{number:06}_L.png", mask)


MAKERS = {
    "cityscapes": (make_cityscapes, 2, 2),
    "pascal_voc": (make_pascal_voc, 2, 1),
    "camvid": (make_camvid, 2, 2),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dataset", "memory_gib"), [("cityscapes", 0), ("pascal_voc", 0), ("camvid", 1)]
)
def test_a_data_set_trains_from_its_own_files(tmp_path, capsys, dataset, memory_gib):
    make, labelled, validation = MAKERS[dataset]
    make(tmp_path / "data")
    before = {
        path: path.read_bytes()
        for path in (tmp_path / "data").rglob("*")
        if path.is_file()
    }
    algorithm = "mean_teacher" if dataset == "cityscapes" else "supervised"
    summary = train(
        *(dataset, tmp_path / "data", tmp_path / "run"),
        **{"memory_gib": float(memory_gib), "algorithm": algorithm},
    )
    messages = capsys.readouterr().err
    assert f"{labelled} labelled" in messages
    assert f"{validation} validation" in messages
    assert 0 <= summary["mean_iou"] <= 1
    assert summary["left_out"] == []
    names = json.loads((tmp_path / "run/classes.json").read_text())["class_names"]
    assert len(names) == len(summary["iou"])
    assert all(path.read_bytes() == content for path, content in before.items())


@pytest.mark.slow
def test_a_data_set_of_tfds_trains(tmp_path, capsys):
    def example():
        height, width = 40, 60
        mask = blocks([1, 2, 3], height, width)[..., None].astype(np.uint8)
        return {
            "image": image_array(height, width).astype(np.uint8),
            "label": 0,
            "segmentation_mask": mask,
        }

    files = {"train": [[example(), example()], [example()]], "test": [[example()]]}
    tfds_files.write(tmp_path / "data", files, name="pets")
    summary = train(
        "tfds:pets",
        tmp_path / "data",
        tmp_path / "run",
        dataset_file="configs/oxford_iiit_pet.toml",
    )
    assert "2 labelled, 0 unlabelled, 1 validation" in capsys.readouterr().err
    assert list(summary["iou"]) == ["pet", "background", "outline"]


def make_own(folder, count):
    for part, number in (("train", count), ("val", 1)):
        for place in range(number):
            save(folder / part / f"images/{place:03}.png", image_array(36, 48))
            save(folder / part / f"masks/{place:03}.png", blocks([3, 7, 9], 36, 48))
    (folder / "dataset.toml").write_text(
        'class_names = ["ground", "thing"]\n'
        'label_map = { 3 = "ground", 7 = "thing", 9 = "ignore" }\n'
    )


@pytest.mark.slow
def test_a_bad_image_is_left_out_if_that_is_wanted(tmp_path, capsys, monkeypatch):
    # The path of few images will do here.
    collect = functools.partial(gates.collect, max_images=3)
    monkeypatch.setattr(gates, "collect", collect)
    make_own(tmp_path / "data", 101)
    bad = tmp_path / "data/train/images/050.png"
    bad.write_bytes(bad.read_bytes()[:-300])
    files = {"memory_gib": 0.0, "batch_size": 40, "labelled_ratio": 1}
    arguments = ("folder", tmp_path / "data", tmp_path / "run")
    with pytest.raises(UserError, match=r"050\.png is damaged"):
        train(*arguments, **files)
    # A second start, with the leave to skip, is the same run.
    summary = train(*arguments, **files, on_bad_sample="skip")
    assert "left out" in capsys.readouterr().err
    assert [str(bad) in line for line in summary["left_out"]] == [True]
    kept = json.loads((tmp_path / "run/left_out.json").read_text())
    assert list(kept) == [str(bad)]
    for number in (3, 5):
        (tmp_path / f"data/train/images/{number:03}.png").write_bytes(b"")
    with pytest.raises(UserError, match="--on_bad_sample=skip: 2 of 101"):
        train(
            *("folder", tmp_path / "data", tmp_path / "other"),
            **{"labelled_ratio": 1, "on_bad_sample": "skip"},
        )


@pytest.mark.slow
def test_a_run_whose_classes_have_changed_says_so(tmp_path):
    make_own(tmp_path / "data", 3)
    of_scenes = ("image_size", "num_training_scenes", "num_validation_scenes")
    unused = {name: getattr(Config, name) for name in of_scenes}
    data = {"dataset": "folder", "data_dir": str(tmp_path / "data")}
    save_run(tmp_path / "run", **data, **SIZES, **unused)
    file = tmp_path / "data/dataset.toml"
    file.write_text(file.read_text().replace("ground", "floor"))
    result = run("evaluate.py", f"--run_dir={tmp_path / 'run'}")
    assert_one_line(result, "classes.json", "ground, thing", "floor, thing")
