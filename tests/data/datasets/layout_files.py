"""Writes small and empty files of a data set, and tells what was found of them."""

import numpy as np
from PIL import Image


def save(folder, name, pixels):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def write(folder, name, *lines, end="\n"):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(end.join(lines).encode())
    return folder / name


def names(folder, examples):
    return [
        tuple(
            path and str(path.relative_to(folder)) for path in (item.image, item.mask)
        )
        for item in examples
    ]


def stems(examples):
    return [item.image.stem for item in examples]
