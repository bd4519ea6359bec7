"""What a run is evaluated on: validation, labelled and unlabelled images."""

import numpy as np
import pytest
from PIL import Image

from selene_tf.config import Config
from selene_tf.experiment import make_sources
from selene_tf.experiment.data import make_split_source
from tests.refusals import assert_refused

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")


def save(folder, part, count, masks=True):
    for number in range(count):
        for kind in ("images", "masks") if masks else ("images",):
            file = folder / part / kind / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            shape = (32, 32, 3) if kind == "images" else (32, 32)
            # No image stands in two parts.
            other = 100 if (kind, part) == ("images", "val") else 0
            Image.fromarray(np.full(shape, number % 2 + other, np.uint8)).save(file)


def config(folder, **changes):
    return Config(
        dataset="folder",
        class_names=("dark", "bright"),
        data_dir=str(folder),
        labelled_ratio=2,
        **changes,
    )


@pytest.fixture
def data(tmp_path):
    save(tmp_path, "train", 4)
    save(tmp_path, "val", 1)
    return tmp_path


def labels(source):
    return [source.read(np.int64(n))["label"].numpy() for n in range(source.size)]


def test_unlabelled_images_have_their_own_masks_to_be_scored_on(data):
    # Also for a control that trains without them.
    for algorithm in ("mean_teacher", "supervised"):
        settings = config(data, algorithm=algorithm)
        source = make_split_source(settings, "unlabelled")
        assert [np.unique(mask).tolist() for mask in labels(source)] == [[1], [1]]
        assert make_split_source(settings, "train").size == 2
        assert make_split_source(settings, "val").size == 1


@pytest.mark.parametrize("memory_gib", [0.0, 1.0])
def test_no_training_reads_these_masks(data, memory_gib):
    sources = make_sources(config(data, memory_gib=memory_gib))
    assert sources.unlabelled.size == 2
    assert not np.any(labels(sources.unlabelled))
    # Nor looks at them: what is no mask at all stops nothing.
    for number in (1, 3):
        (data / f"train/masks/{number}.png").write_text("no mask")
    assert make_sources(config(data, memory_gib=memory_gib)).unlabelled.size == 2


def test_masks_that_a_list_names_are_read(data):
    save(data, "pool", 2)
    lines = [f"pool/images/{n}.png pool/masks/{n}.png\n" for n in range(2)]
    (data / "pool.txt").write_text("".join(lines))
    (data / "labelled.txt").write_text("train/images/0.png train/masks/0.png\n")
    settings = config(data, labelled_list="labelled.txt", unlabelled_list="pool.txt")
    source = make_split_source(settings, "unlabelled")
    assert [np.unique(mask).tolist() for mask in labels(source)] == [[0], [1]]


def test_unlabelled_images_without_masks_are_refused(data):
    save(data, "unlabelled", 1, masks=False)
    assert_refused(
        lambda: make_split_source(config(data), "unlabelled"),
        "--split",
        "1 of 3",
        data / "unlabelled/images/0.png",
    )


def test_a_split_without_images_is_refused(data):
    settings = config(data, algorithm="supervised")
    settings = Config(**vars(settings) | {"labelled_ratio": 1})
    assert_refused(lambda: make_split_source(settings, "unlabelled"), "--split")


def test_scenes_have_all_three():
    settings = Config(
        image_size=(32, 64),
        num_training_scenes=4,
        num_validation_scenes=1,
        labelled_ratio=4,
    )
    unlabelled = make_split_source(settings, "unlabelled")
    assert unlabelled.size == 3
    assert all(len(np.unique(mask)) > 2 for mask in labels(unlabelled))
    assert make_split_source(settings, "val").size == 1
