"""What is said of large images before they are predicted."""

import json
import re
import subprocess
import sys

import pytest

from selene_tf.inference import large_images
from selene_tf.inference.predict_image import InferenceMode
from tests.commands import ROOT, users_environment
from tests.inference.toy_models import Pixelwise


def test_more_pixels_channels_and_classes_need_more_memory():
    def needed(size, channels):
        model = Pixelwise(metadata={"structure": {"channels": channels}})
        return large_images.bytes_at_once(model, size)

    assert needed((200, 100), 8) == 2 * needed((100, 100), 8)
    assert needed((100, 100), 64) > needed((100, 100), 8)
    # An unknown network may be a large one.
    assert needed((100, 100), 64) == large_images.bytes_at_once(Pixelwise(), (100, 100))


def test_windows_need_memory_for_the_shorter_side_only():
    model = Pixelwise((32, 32))
    strip = large_images.bytes_in_windows(model, (1, 10_000_000), (32, 32))
    assert strip < 100e6
    square = large_images.bytes_in_windows(model, (10_000, 10_000), (32, 32))
    assert square > large_images.bytes_in_windows(model, (10_000, 100), (32, 32))


@pytest.mark.parametrize(
    ("window", "expected"), [((8, 8), 64), ((256, 256), 4), ((1024, 2048), 1)]
)
def test_a_batch_has_windows_up_to_a_number_of_pixels(window, expected):
    assert large_images.windows_at_once(window) == expected


def test_only_large_images_are_told_of():
    def describe(size, *arguments):
        return large_images.describe(Pixelwise(), size, InferenceMode(*arguments))

    assert describe((2000, 2000), "whole") == ""
    assert describe((2000, 2000), "sliding", (512, 512)) == ""
    text = describe((5000, 4000), "whole")
    assert text.startswith("5,000 x 4,000 pixels at once, which needs about ")
    assert re.search(r"GB of memory and about \d+ s$", text)
    # Every 24 pixels a window starts.
    text = describe((1, 10_000_000), "sliding", (32, 32), 0.25)
    assert text == "1 x 10,000,000 pixels in 416,667 windows of 32 x 32"
    assert describe((9000, 9000), "resize", (512, 512)) == ""


def test_what_takes_long_is_told_after_the_first_windows(monkeypatch, capsys):
    # The first one traces.
    clock = iter([60.0, 62.0, 64.0])
    monkeypatch.setattr(large_images.time, "perf_counter", lambda: next(clock))
    mode = InferenceMode("sliding", (8, 8))
    with large_images.told("a/b", Pixelwise(), (50, 50), mode) as show:
        show(1, 100)
        show(2, 100)
        show(3, 100)
    assert capsys.readouterr().err == "note: a/b: about 3 min for 100 windows\n"


@pytest.mark.soak
@pytest.mark.parametrize("case", [(16, 9, 11, 3000, 3000), (64, 16, 19, 2048, 2048)])
def test_the_estimate_is_about_what_is_taken(case):
    command = [sys.executable, "-m", "tests.inference.memory_case", *map(str, case)]
    environment = users_environment()
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    answer = json.loads(result.stdout)
    assert answer["estimate"] == pytest.approx(answer["taken"], rel=1 / 3)
