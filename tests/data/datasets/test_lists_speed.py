import time

import pytest

from selene_tf.data.datasets import examples

LINES = 100_000


@pytest.mark.parametrize("has_masks", [True, False])
def test_a_million_lines_are_read_in_seconds(tmp_path, has_masks):
    """At 3.6 s for a million on a common core the tenth is far below its bound."""
    folders = ("images", "masks") if has_masks else ("images",)
    lines = (
        " ".join(f"{folder}/{i // 1000:04}/frame_{i:07}.png" for folder in folders)
        for i in range(LINES)
    )
    (tmp_path / "list.txt").write_text("\n".join(lines))
    started = time.process_time()
    read = examples.read_list(tmp_path / "list.txt", tmp_path, int(has_masks))
    seconds = time.process_time() - started
    assert len(read) == LINES
    assert read[-1].image == tmp_path / "images/0099/frame_0099999.png"
    assert (read[-1].mask is not None) == has_masks
    # Five seconds for a million, and as much again for a slower processor.
    assert seconds < 10 * LINES / 1_000_000
