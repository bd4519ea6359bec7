"""Numbers of the official network, and how its weights map to ours."""

import pathlib

import numpy as np
import pytest

from selene_tf.pretrained import state_dict_names

official_names = state_dict_names.official_names
ours = state_dict_names.in_our_layout
PATH = pathlib.Path(__file__).parents[2] / "shared/reference/ref_small.npz"


def load():
    """The arrays of the reference file; skips the test where it is missing."""
    if not PATH.exists():
        pytest.skip(f"the official network's numbers are not at {PATH}")
    return np.load(PATH, allow_pickle=False)
