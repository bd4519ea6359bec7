"""What holds for a network in every format that it is exported in."""

import contextlib
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from selene_tf.errors import UserError
from tests.commands import ROOT, users_environment
from tests.export import documented, exported

HEIGHT, WIDTH = exported.SIZE
RIGHT, GREY = (1, HEIGHT, WIDTH, 3), (1, HEIGHT, WIDTH, 1)
WRONG = [
    (HEIGHT, WIDTH, 3),
    (HEIGHT, WIDTH),
    (),
    (1, 1, HEIGHT, WIDTH, 3),
    GREY,
    (1, HEIGHT, WIDTH, 4),
    (1, HEIGHT, WIDTH, 0),
    (1, 3, HEIGHT, WIDTH),
]


class ExportContract:
    """Tests of a format; a subclass says how it is written and read.

    Attributes:
        kind: What `SegmentationModel.kind` is.
        name: Of what is written in a folder.
        size: Height and width of the images that it takes; None for any.
        damaged: What "... readable ... of ours" calls it in messages.
        answered: Wrong shapes that the file itself cannot refuse.
        script: What stands in the script of docs/deploying.md that uses it, and the
            name that the model has there.
    """

    kind = ""
    name = ""
    size = None
    damaged = ""
    answered = frozenset()
    script = ("", "")

    @pytest.fixture
    def written(self):
        """The exported network, written once a process, under CC BY 4.0."""
        raise NotImplementedError

    @pytest.fixture
    def without_conversion(self, written, monkeypatch):
        """Instead of converting a network anew, takes what was converted before."""
        raise NotImplementedError

    def export(self, network, output, examples, size):
        raise NotImplementedError

    def load(self, path):
        raise NotImplementedError

    def texts(self, written):
        """The files that travel along, {name: text}."""
        raise NotImplementedError

    def damage(self, written, path, how):
        """Makes at `path` what `how` says: "missing", "empty", "cut" or "foreign"."""
        raise NotImplementedError

    def test_it_gives_what_the_network_gives(self, written, network, examples):
        model = self.load(written)
        assert (model.kind, model.size) == (self.kind, self.size)
        assert model.class_names == exported.NAMES
        for image, _ in examples[:2]:
            assert_gives(model, network, np.stack([image, image[::-1]]), 1e-5)

    @pytest.mark.slow
    def test_a_wrong_request_is_an_error_and_no_more(self, written):
        """In a process of its own, which one of these could end."""
        command = [sys.executable, "-m", "tests.export.ask", str(written)]
        result = subprocess.run(
            [*command, json.dumps([RIGHT, *WRONG, RIGHT])],
            cwd=ROOT,
            # It is oneDNN that ended the process.
            env=users_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, (result.returncode, result.stderr[-2000:])
        first, *answers, last = map(json.loads, result.stdout.splitlines())
        assert first == last == list(RIGHT[:3])
        answered = {
            shape: answer
            for shape, answer in zip(WRONG, answers, strict=True)
            if not isinstance(answer, str)
        }
        assert answered.keys() <= self.answered

    def test_the_documented_script_gives_labels_and_names(self, written, tmp_path):
        (image,) = exported.images([self.size or exported.SIZE])
        # A PNG, which every reader decodes alike.
        Image.fromarray(image).save(tmp_path / "street.png")
        containing, name = self.script
        files = {name: written, "street.jpg": tmp_path / "street.png"}
        names = documented.run("deploying.md", containing, files)
        labels = np.asarray(names["labels"])
        np.testing.assert_array_equal(labels, self.load(written).labels(image[None])[0])
        assert labels.dtype == np.int32
        assert names["names"] == list(exported.NAMES)

    def test_what_a_user_needs_travels_along(self, written):
        texts = self.texts(written)
        metadata = json.loads(texts["metadata.json"])
        assert metadata["format"] == self.kind
        assert metadata["check"]["images"] > 1
        assert metadata["check"]["mean_iou_of_network"] == 1
        assert texts["labels.txt"].splitlines() == list(exported.NAMES)
        assert json.loads(texts["classes.json"]) == list(exported.NAMES)
        assert texts["MODEL_CARD.md"].startswith("# ")
        assert texts["LICENSE.txt"] == "CC BY 4.0\n"
        assert self.load(written).metadata == metadata

    @pytest.mark.usefixtures("without_conversion")
    def test_a_network_that_differs_is_not_written(self, network, examples, tmp_path):
        with (
            changed(network, lambda kernel: kernel[..., ::-1]),
            pytest.raises(UserError, match="nothing was written"),
        ):
            self.export(network, tmp_path / self.name, examples, self.size)
        with (
            changed(network, lambda kernel: kernel * np.nan),
            pytest.raises(UserError, match="network gives scores that are not finite"),
        ):
            self.export(network, tmp_path / self.name, examples, self.size)
        assert list(tmp_path.iterdir()) == []

    def test_what_is_there_is_left_alone(self, network, examples, tmp_path):
        output = tmp_path / self.name
        output.mkdir()
        (output / "1").write_text("mine")
        with pytest.raises(UserError, match="already"):
            self.export(network, output, examples, self.size)
        assert (output / "1").read_text() == "mine"

    def test_images_of_another_size_are_refused(self, network, examples, tmp_path):
        with pytest.raises(ValueError, match=r"expected uint8 \(32, 96, 3\)"):
            self.export(network, tmp_path / self.name, examples, (32, 96))
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("how", ["missing", "empty", "cut", "foreign"])
    def test_a_damaged_or_foreign_one_is_one_line(self, written, tmp_path, how):
        path = tmp_path / self.name
        self.damage(written, path, how)
        with pytest.raises(UserError, match=f"no readable {self.damaged}") as caught:
            self.load(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def assert_gives(model, network, images, largest):
    """A model's scores and labels are the network's.

    Args:
        largest: How far scores may be off, of the largest score. In float32 each
            layer's sums of some dozens of terms, in another order on each processor,
            are off by some 1e-7 of it, all layers together by some 1e-6.
    """
    expected = np.asarray(network(images.astype("float32"))["logits"])
    tolerance = largest * np.abs(expected).max()
    logits, labels = model.logits(images), model.labels(images)
    assert (logits.dtype, labels.dtype) == (np.float32, np.int32)
    assert np.abs(logits - expected).max() < tolerance
    np.testing.assert_array_equal(labels, logits.argmax(-1))
    # Where two classes are about equally likely either is right.
    second, first = np.sort(expected, axis=-1)[..., -2:].transpose(3, 0, 1, 2)
    clear = first - second > 2 * tolerance
    np.testing.assert_array_equal(labels[clear], expected.argmax(-1)[clear])
    assert (labels == expected.argmax(-1)).mean() > 0.95


@contextlib.contextmanager
def changed(network, change):
    """The network with other weights in its last layer, for a while."""
    predictor = network.get_layer("predictor")
    weights = predictor.get_weights()
    predictor.set_weights([change(weights[0]), weights[1]])
    try:
        yield
    finally:
        predictor.set_weights(weights)
