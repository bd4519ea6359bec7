import json

import pytest

from selene_tf.benchmarking import measure
from tests.commands import assert_one_line, run


@pytest.mark.slow
def test_the_input_alone_is_timed_from_files_and_from_memory(tmp_path, monkeypatch):
    # TensorFlow has started, and takes no other number of threads.
    monkeypatch.setattr(measure, "_start_tensorflow", lambda _: 0.0)
    output = tmp_path / "input.json"
    result = run(
        *("-m", "selene_tf.benchmark", "--what=input", "--size=64,96"),
        *("--crop_size=32,48", "--batch_size=2", "--repeats=3", f"--output={output}"),
    )
    assert result.returncode == 0, result.stderr
    results = json.loads(output.read_text())
    assert results["crop_size"] == [32, 48]
    for name in ("files", "memory", "decoding"):
        assert results["input"][name]["images_per_second"] > 0
        assert f"{results['input'][name]['images_per_second']:.1f}" in result.stdout
    # A drawn image is noise enough to take at least a byte a pixel.
    assert results["input"]["bytes"] > 64 * 96


def test_a_crop_is_for_the_input_alone():
    result = run("-m", "selene_tf.benchmark", "--what=train", "--crop_size=32,32")
    assert_one_line(result, "--crop_size", "--what=train")
