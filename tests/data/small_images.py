"""Writes single small images and masks."""

import numpy as np
from PIL import Image

from selene_tf.data.datasets.examples import Example

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
IDS = np.array([[0, 3, 255], [2, 1, 0]], np.uint8)


def save(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path


def save_mode(path, mode, **options):
    Image.new(mode, (8, 6)).save(path, **options)
    return path


def save_pair(folder, image, ids):
    return Example(save(folder / "a.png", image), save(folder / "m.png", ids))
