import numpy as np
import pytest
from PIL import Image

from selene_tf import experiment
from selene_tf.config import Config
from selene_tf.errors import UserError
from selene_tf.experiment import training_run

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture
def config(tmp_path):
    """Supervised training on two images that are read from their files."""
    for split in ("train", "val"):
        for kind in ("images", "masks"):
            (tmp_path / "data" / split / kind).mkdir(parents=True)
        for i in range(2):
            folder = tmp_path / "data" / split
            image = np.full((32, 32, 3), 60 * i + (split == "val"), np.uint8)
            Image.fromarray(image).save(folder / f"images/{i}.png")
            mask = np.full((32, 32), i, np.uint8)
            Image.fromarray(mask).save(folder / f"masks/{i}.png")
    return Config(
        dataset="folder",
        class_names=("dark", "bright"),
        data_dir=str(tmp_path / "data"),
        run_dir=str(tmp_path / "run"),
        algorithm="supervised",
        labelled_ratio=1,
        memory_gib=0.0,
        crop_size=(32, 32),
        channels=4,
        num_layers=3,
        batch_size=2,
        steps=2,
        warm_up_steps=1,
    )


@pytest.mark.slow
@pytest.mark.parametrize("split", ["train", "val"])
def test_a_image_that_goes_bad_while_training_is_named(
    config, tmp_path, monkeypatch, split
):
    file = tmp_path / "data" / split / "images/1.png"
    make_sources = experiment.make_sources

    def make_and_spoil(config):
        sources = make_sources(config)
        file.write_text("no image any more")
        return sources

    monkeypatch.setattr(training_run, "make_sources", make_and_spoil)
    with pytest.raises(UserError) as caught:
        experiment.train(config)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run/summary.json").exists()
