"""Writes checkpoints of rising numbers for ever: python -m tests.save_case FOLDER ."""

import itertools
import pathlib
import sys

import keras
import numpy as np

from selene_tf.training.checkpoints import Checkpoints


def variables():
    return {f"w{i}": keras.Variable(np.zeros((50, 50), "float32")) for i in range(20)}


def main(folder):
    values = variables()
    checkpoints = Checkpoints(pathlib.Path(folder), values)
    first = (checkpoints.restore() or (0, {}))[0] + 1
    for step in itertools.count(first):
        for variable in values.values():
            variable.assign(np.full((50, 50), step))
        checkpoints.save(step, {})
        print(step, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
