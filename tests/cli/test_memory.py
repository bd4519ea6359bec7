import psutil
import pytest

from selene_tf.cli import memory


@pytest.fixture
def limit(tmp_path, monkeypatch):
    file = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "_CGROUP_LIMIT", file)
    return file


@pytest.mark.parametrize("text", [None, "max\n", f"{2**60}\n"])
def test_without_a_limit_it_is_the_machines(limit, text):
    if text:
        limit.write_text(text)
    assert memory.total_bytes() == psutil.virtual_memory().total
    assert 0 < memory.available_bytes() < memory.total_bytes()


def test_a_containers_limit_counts(limit):
    own = psutil.Process().memory_info().rss
    limit.write_text(f"{own + 10_000_000}\n")
    assert memory.total_bytes() == own + 10_000_000
    assert memory.available_bytes() <= 11_000_000
    limit.write_text("1000\n")
    assert memory.available_bytes() == 0
