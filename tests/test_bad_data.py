"""A training that starts on faulty images says which, in one line."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from selene_tf import experiment
from selene_tf.config import Config
from selene_tf.errors import UserError
from selene_tf.experiment import training_run
from tests.commands import assert_one_line, run
from tests.refusals import assert_refused

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")

CLASSES = "--class_names=ground,thing"


@pytest.fixture
def data_dir(tmp_path):
    """A folder data set of six training and two validation images."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 6), ("val", 2)):
        for kind in ("images", "masks"):
            (tmp_path / "data" / split / kind).mkdir(parents=True)
        for i in range(count):
            image = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
            mask = rng.integers(0, 2, (48, 64), dtype=np.uint8)
            folder = tmp_path / "data" / split
            Image.fromarray(image).save(folder / "images" / f"{i}.png")
            Image.fromarray(mask).save(folder / "masks" / f"{i}.png")
    return tmp_path / "data"


def train(data_dir, *arguments):
    return run(
        "train.py",
        *("--dataset=folder", CLASSES, f"--data_dir={data_dir}"),
        *("--labelled_ratio=2", "--crop_size=32,32", "--channels=4", "--num_layers=3"),
        *("--batch_size=2", "--steps=3", "--warm_up_steps=1", "--evaluate_every=3"),
        *("--num_predictions=1", f"--run_dir={data_dir.parent / 'run'}"),
        "--nowrite_report",
        *arguments,
    )


@pytest.mark.slow
def test_sound_images_train_and_the_unlabelled_need_no_mask(data_dir):
    for i in (1, 3, 5):
        (data_dir / "train/masks" / f"{i}.png").rename(data_dir / f"{i}.spare")
    listed = "\n".join(f"train/images/{i}.png train/masks/{i}.png" for i in (0, 2, 4))
    (data_dir / "labelled.txt").write_text(listed)
    (data_dir / "unlabelled.txt").write_text(
        "\n".join(f"train/images/{i}.png" for i in (1, 3, 5))
    )
    (data_dir / "validation.txt").write_text("val/images/0.png val/masks/0.png\r\n")
    result = train(
        data_dir,
        "--labelled_list=labelled.txt",
        "--unlabelled_list=unlabelled.txt",
        "--validation_list=validation.txt",
    )
    assert result.returncode == 0, result.stderr
    assert "3 labelled, 3 unlabelled, 1 validation" in result.stderr


def write_mask(file, mask):
    Image.fromarray(np.asarray(mask, np.uint8)).save(file)


def mask_of_another_size(data_dir):
    write_mask(data_dir / "train/masks/2.png", np.zeros((40, 64)))
    return ["masks/2.png", "40", "48"]


def label_out_of_range(data_dir):
    mask = np.zeros((48, 64))
    mask[5, 7] = 9
    write_mask(data_dir / "train/masks/4.png", mask)
    return ["masks/4.png", "9"]


def label_out_of_range_in_validation(data_dir):
    write_mask(data_dir / "val/masks/1.png", np.full((48, 64), 2))
    return ["masks/1.png", "2"]


def unreadable_image(data_dir):
    (data_dir / "train/images/1.png").write_text("version https://git-lfs...")
    return ["images/1.png"]


def truncated_image(data_dir):
    file = data_dir / "train/images/3.png"
    file.write_bytes(file.read_bytes()[:-500])
    return ["images/3.png"]


def empty_split(data_dir):
    for kind in ("images", "masks"):
        for file in (data_dir / "val" / kind).iterdir():
            file.unlink()
    return ["val"]


def nothing_labelled(data_dir):
    for file in (data_dir / "train/masks").iterdir():
        write_mask(file, np.full((48, 64), 255))
    return ["masks", "ignore label"]


def missing_mask(data_dir):
    (data_dir / "train/masks/0.png").unlink()
    return ["0.png", "mask"]


def make_sources(data_dir, **changes):
    arguments = {
        "dataset": "folder",
        "class_names": ("ground", "thing"),
        "data_dir": str(data_dir),
        "labelled_ratio": 2,
    }
    return experiment.make_sources(Config(**arguments | changes))


def test_unlabelled_images_of_the_ratio_need_no_mask(data_dir):
    for i in (1, 3, 5):
        (data_dir / "train/masks" / f"{i}.png").unlink()
    sources = make_sources(data_dir)
    assert (sources.labelled.size, sources.unlabelled.size) == (3, 3)


def test_a_list_may_replace_one_part_of_a_folder(data_dir):
    (data_dir / "labelled.txt").write_text("train/images/5.png train/masks/5.png")
    sources = make_sources(data_dir, labelled_list="labelled.txt")
    sizes = sources.labelled.size, sources.unlabelled.size, sources.validation.size
    assert sizes == (1, 5, 2)


def test_sizes_may_differ_among_the_training_images(data_dir):
    for kind, shape in (("images", (40, 50, 3)), ("masks", (40, 50))):
        file = data_dir / "train" / kind / "0.png"
        Image.fromarray(np.zeros(shape, np.uint8)).save(file)
    sources = make_sources(data_dir, evaluation_batch_size=2)
    assert sources.labelled.size == 3


FAULTS = [
    mask_of_another_size,
    label_out_of_range,
    label_out_of_range_in_validation,
    unreadable_image,
    truncated_image,
    empty_split,
    missing_mask,
    nothing_labelled,
]


@pytest.mark.parametrize("memory_gib", [1.0, 0.0])
@pytest.mark.parametrize("spoil", FAULTS)
def test_faulty_data_are_named_in_one_line(data_dir, spoil, memory_gib):
    words = spoil(data_dir)
    with pytest.raises(UserError) as caught:
        make_sources(data_dir, memory_gib=memory_gib)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("memory_gib", [1.0, 0.0])
def test_a_bad_image_in_validation_is_never_left_out(data_dir, memory_gib):
    for number in range(2, 120):
        for kind in ("images", "masks"):
            source = data_dir / "val" / kind / "0.png"
            (data_dir / "val" / kind / f"{number}.png").write_bytes(source.read_bytes())
    (data_dir / "val/images/0.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"val/images/0\.png is an empty file"):
        make_sources(data_dir, memory_gib=memory_gib, on_bad_sample="skip")


@pytest.mark.slow
@pytest.mark.parametrize("spoil", [label_out_of_range, unreadable_image])
def test_faulty_data_end_a_training_with_status_2(data_dir, spoil):
    words = spoil(data_dir)
    assert_one_line(train(data_dir), *words)
    assert not (data_dir.parent / "run").exists()


def test_data_that_changed_since_the_start_are_refused(data_dir, capsys):
    run_dir = data_dir.parent / "run"
    run_dir.mkdir()
    config = settings(data_dir, run_dir=str(run_dir))
    for _ in range(2):
        training_run.check_same_data(config, experiment.make_sources(config))
    mask = data_dir / "train/masks/3.png"
    pixels = 1 - np.asarray(Image.open(mask))
    Image.fromarray(pixels).save(mask)
    data = experiment.make_sources(config)
    assert_refused(
        lambda: training_run.check_same_data(config, data),
        *("--data_dir", "labelled: ", "--allow_changed_data"),
    )
    allowed = dataclasses.replace(config, allow_changed_data=True)
    training_run.check_same_data(allowed, data)
    assert (
        "note: the data changed since the start (labelled: " in capsys.readouterr().err
    )
    # From now on these are the run's.
    training_run.check_same_data(config, data)
    (run_dir / "data.json").write_text('{"labelled": 7}')
    assert_refused(lambda: training_run.check_same_data(config, data), "data.json")


def test_a_copy_of_a_validation_image_among_the_others_is_refused(data_dir):
    image = data_dir / "val/images/1.png"
    (data_dir / "train/images/2.png").write_bytes(image.read_bytes())
    result = train(data_dir, "--algorithm=supervised")
    assert_one_line(result, "val/images/1.png", "train/images/2.png", "same bytes")


def settings(data_dir, **changes):
    return Config(
        **{"dataset": "folder", "data_dir": str(data_dir), "labelled_ratio": 1},
        **{"class_names": ("ground", "thing"), "algorithm": "supervised"},
        **changes,
    )


def notes_for(data_dir, image_size):
    return experiment.make_sources(settings(data_dir, image_size=image_size)).notes


def test_an_image_size_of_the_other_orientation_is_told(data_dir):
    (note,) = notes_for(data_dir, (64, 48))
    for words in ("--image_size=64,48 (height,width)", "6 of 6", "48,64", "distorted"):
        assert words in note
    assert notes_for(data_dir, (48, 96)) == ()
    assert notes_for(data_dir, (32, 32)) == ()


def test_a_data_folder_that_was_moved_is_named(tmp_path):
    config = Config(dataset="folder", data_dir=str(tmp_path / "gone"))
    words = ("--data_dir", str(tmp_path / "gone"), "moved")
    assert_refused(lambda: experiment.dataset_info(config), *words)
