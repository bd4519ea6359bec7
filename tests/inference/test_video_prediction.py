import json
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from selene_tf.inference import video_files, video_prediction
from selene_tf.inference.output_files import Output
from selene_tf.inference.predict_image import InferenceMode
from tests.inference.toy_models import Pixelwise

WHOLE = InferenceMode("whole")


@pytest.fixture
def clip(tmp_path):
    pytest.importorskip("av")
    path = tmp_path / "-my clip.mp4"
    with video_files.writing(path, Fraction(10)) as add:
        for number in range(4):
            # The first `number` quarters are green, the others red.
            image = np.zeros((32, 64, 3), np.uint8)
            image[..., 0] = 220
            image[:, : 16 * number] = (0, 220, 0)
            add(Fraction(number, 10), image)
    return path


def test_each_frame_has_its_shares_and_colours(clip, tmp_path):
    output, shown = Output(tmp_path / "out", labels=True), []
    content = video_prediction.write(
        Pixelwise(),
        clip,
        output,
        InferenceMode("whole"),
        lambda *counts: shown.append(counts),
    )
    shares = np.array(content["video"]["shares"])
    expected = [[1 - n / 4, n / 4, 0] for n in range(4)]
    np.testing.assert_allclose(shares, expected, atol=0.04)
    assert content["video"]["size"] == [32, 64]
    assert content["video"]["frame_rate"] == 10
    assert content["video"]["times"] == [0.0, 0.1, 0.2, 0.3]
    assert shown == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert json.loads((tmp_path / "out/classes.json").read_text()) == content
    labels = np.asarray(Image.open(tmp_path / "out/labels/000003.png"))
    assert (labels[:, :40] == 1).all()
    assert (labels[:, 56:] == 0).all()
    with video_files.reading(tmp_path / "out/overlay.mp4") as overlay:
        times, frames = zip(*overlay.frames, strict=True)
        assert overlay.frame_rate == 10
    assert times == tuple(Fraction(number, 10) for number in range(4))
    # Half the frame's green of 220, half the class's of 200.
    np.testing.assert_allclose(frames[3][16, 16], [0, 210, 0], atol=16)
    np.testing.assert_allclose(frames[3][16, 60], [210, 0, 0], atol=16)


def test_the_overlay_may_be_left_out(clip, tmp_path):
    output = Output(tmp_path / "out", labels=False, overlays=False)
    content = video_prediction.write(Pixelwise(), clip, output, WHOLE)
    assert len(content["video"]["shares"]) == 4
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["classes.json"]


def test_an_interruption_leaves_no_video(clip, tmp_path):
    def interrupt(done, _):
        if done == 2:
            raise KeyboardInterrupt

    output = Output(tmp_path / "out", labels=False)
    with pytest.raises(KeyboardInterrupt):
        video_prediction.write(Pixelwise(), clip, output, WHOLE, interrupt)
    assert not any((tmp_path / "out").iterdir())
