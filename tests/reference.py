"""Numbers of the official network, and how its weights map to ours."""

import pathlib

import numpy as np
import pytest

from selene_tf import official_layout

official_names = official_layout.official_names
ours = official_layout.in_our_layout
PATH = pathlib.Path(__file__).parents[2] / "shared/reference/ref_small.npz"


def load():
    """The arrays of the reference file; skips the test where it is missing."""
    if not PATH.exists():
        pytest.skip(f"the official network's numbers are not at {PATH}")
    return np.load(PATH, allow_pickle=False)
