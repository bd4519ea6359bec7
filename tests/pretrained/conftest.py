import pytest

from tests.pretrained import official_weights


@pytest.fixture(scope="module")
def network():
    """One that a file's tests share: each fills it or leaves it alone."""
    return official_weights.build()


@pytest.fixture(scope="module")
def official():
    return official_weights.random_weights()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "weights.pth"
