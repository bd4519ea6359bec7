"""A small folder of images to check."""

import numpy as np
from PIL import Image

from selene_tf.config import Config
from selene_tf.experiment import data_check
from tests.commands import run

CLASSES = ("ground", "thing", "ghost")
HEIGHT, WIDTH = 4, 6


class Data:
    """A folder of small images with lists, 2 of 4 training images labelled."""

    def __init__(self, folder):
        self.folder = folder
        self.random = np.random.default_rng(0)
        for part in ("train", "val"):
            (folder / part).mkdir(parents=True)
        for number in range(4):
            self.add("train", f"{number}", np.eye(HEIGHT, WIDTH))
        for number in range(2):
            self.add("val", f"{number}", np.zeros((HEIGHT, WIDTH)))

    def add(self, part, name, mask):
        """Writes an image and its mask, and adds them to the part's list."""
        mask = np.asarray(mask, np.uint8)
        image = self.random.integers(0, 256, (*mask.shape, 3), dtype=np.uint8)
        Image.fromarray(image).save(self.image(part, name))
        Image.fromarray(mask).save(self.mask(part, name))
        with open(self.folder / f"{part}.txt", "a") as file:
            file.write(f"{part}/{name}.png {part}/{name}_mask.png\n")

    def image(self, part, name):
        return self.folder / part / f"{name}.png"

    def mask(self, part, name):
        return self.folder / part / f"{name}_mask.png"

    def check(self, progress=None, **changes):
        values = {
            "dataset": "folder",
            "class_names": CLASSES[:2],
            "data_dir": str(self.folder),
            "labelled_ratio": 2,
        }
        return data_check.check(Config(**values | changes), progress)

    def run(self, *arguments, run=run):
        """Runs the command on it, in this process by default."""
        return run(
            *("-m", "selene_tf.check_data", "--dataset=folder", "--labelled_ratio=2"),
            *(f"--class_names={','.join(CLASSES[:2])}", f"--data_dir={self.folder}"),
            *arguments,
        )
