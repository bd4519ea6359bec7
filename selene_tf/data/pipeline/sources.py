"""The sources of a run: labelled, unlabelled and validation images, by number."""

import abc
import collections.abc
import contextlib
import dataclasses
import typing

import numpy as np
import tensorflow as tf

from selene_tf.data.datasets import class_pixels, validation
from selene_tf.data.files.label_map import IGNORE_LABEL
from selene_tf.data.pipeline.bad_samples import (
    DECODING_ERRORS,
    BadSamples,
    nothing_left,
    report,
)
from selene_tf.data.pipeline.in_memory import as_tensor, load
from selene_tf.errors import UserError


class Source(typing.Protocol):
    """Gives images and labels by number, inside TensorFlow's graph.

    Attributes:
        size: Number of images, at least 1.
        class_pixels: Pixels of each class id in the masks that were read when it was
            made, int64 (256,); None if that is not known.
        masks_read: How many masks these are; of many images only a sample is read.
        sizes: {(height, width): number of images} as they lie on disk, where known.
        names: What the user calls each image, such as its file; None if they have none.
    """

    size: int
    class_pixels: np.ndarray | None = None
    masks_read: int = 0
    sizes: dict | None = None
    names: tuple[str, ...] | None = None

    @abc.abstractmethod
    def read(self, number):
        """Reads an image and its label.

        Args:
            number: An int64 tensor of 0 to `size - 1`.

        Returns:
            A dict of "image", uint8 (height, width, 3), and "label", uint8 (height,
            width), all 0 for an image without one.
        """

    def failure(self):
        """The `UserError` that stopped reading, or None.

        TensorFlow wraps it in an error of its own, so callers re-raise this one; see
        `named_failures`.
        """
        return None


class MemorySource(Source):
    """Keeps the images of a source in memory.

    Args:
        images: uint8 (number, height, width, 3), not to be written to any more.
        labels: uint8 (number, height, width), likewise.

    Raises:
        UserError: There are no images, or the arrays do not fit together.

    Example:
        >>> images = np.zeros((2, 4, 6, 3), np.uint8)
        >>> labels = np.zeros((2, 4, 6), np.uint8)
        >>> source = MemorySource(images, labels)
        >>> source.size, source.read(1)["label"].shape
        (2, TensorShape([4, 6]))
    """

    def __init__(self, images, labels):
        check_size(len(images))
        if images.shape[:3] != labels.shape:
            raise UserError(
                f"Images of shape {images.shape} and labels of shape {labels.shape} do "
                "not fit; expected one label for each pixel."
            )
        self.size = len(images)
        # On the CPU: the whole data set would take up memory of the accelerator.
        self._images, self._labels = as_tensor(images), as_tensor(labels)

    def read(self, number):
        return {
            "image": tf.gather(self._images, number),
            "label": tf.gather(self._labels, number),
        }


class ReaderSource(Source):
    """Reads and decodes the images of a source each time.

    In place of an image that cannot be used comes the next one that can, as far as
    `bad_samples` allows it. That depends on the images alone, so that a resumed
    run sees what an uninterrupted one would have seen.

    Args:
        reader: A `Reader`.
        bad_samples: `BadSamples` that is told of each such image.
    """

    def __init__(self, reader, bad_samples):
        self.size = reader.size
        self._reader, self._bad_samples = reader, bad_samples
        self._attempts = min(reader.size, bad_samples.limit + 1)

    def read(self, number):
        # There is no Python control flow that autograph would have to look for.
        @tf.autograph.experimental.do_not_convert
        def attempt(skipped):
            return *self._reader.decode((number + skipped) % self.size), skipped

        # The graph's way to catch an error; Python runs after one alone.
        readable = tf.data.Dataset.range(self._attempts).map(attempt).ignore_errors()
        first = readable.concatenate(self._nothing()).take(1)
        image, label, skipped = first.get_single_element()
        reported = tf.cond(
            skipped > 0,
            lambda: tf.numpy_function(self._report, [number, skipped], tf.int64),
            lambda: skipped,
        )
        height, width = self._reader.image_size or (None, None)
        with tf.control_dependencies([reported]):
            image = tf.ensure_shape(image, (height, width, 3))
        return {"image": image, "label": tf.ensure_shape(label, (height, width))}

    def failure(self):
        return self._bad_samples.failure

    def _nothing(self):
        """Stands for an image where none could be read, until that is reported."""
        height, width = self._reader.image_size or (1, 1)
        image = tf.zeros((height, width, 3), tf.uint8)
        label = tf.zeros((height, width), tf.uint8)
        attempts = tf.constant(self._attempts, tf.int64)
        return tf.data.Dataset.from_tensors((image, label, attempts))

    def _report(self, number, skipped):
        for bad in range(number, number + skipped):
            report(self._reader, bad % self.size, self._bad_samples)
        if skipped == self.size:
            self._bad_samples.fail(nothing_left(self._reader))
        return skipped


@contextlib.contextmanager
def named_failures(source):
    """Brings back a reader's error, which TensorFlow wraps in its own.

    Args:
        source: A `Source`, or what else has its `failure`.

    Raises:
        UserError: in place of such an error inside the block.
    """
    try:
        yield
    except DECODING_ERRORS:
        if source.failure() is not None:
            raise source.failure() from None
        raise


@dataclasses.dataclass(frozen=True)
class Sources:
    """Holds the sources of a run.

    Attributes:
        labelled: `Source` of the images with labels.
        unlabelled: Likewise without, or None where they are not used.
        validation: Likewise of those to validate on.
        bad_samples: What could not be read of the training images.
        notes: What was decided on looking at the data, a line each.
        fingerprint: Function without arguments, of the files that they are read from,
            see `fingerprint`; it reads small masks. Empty for images that lie in none.
    """

    labelled: Source
    unlabelled: Source | None
    validation: Source
    bad_samples: BadSamples = dataclasses.field(default_factory=lambda: BadSamples(0))
    notes: tuple[str, ...] = ()
    fingerprint: collections.abc.Callable[[], dict] = dict

    def failure(self):
        """The `UserError` that stopped reading, or None."""
        used = (self.labelled, self.unlabelled, self.validation)
        failures = (source.failure() for source in used if source is not None)
        return next((failure for failure in failures if failure is not None), None)


def from_examples(
    folder,
    examples,
    image_size,
    memory_gib,
    bad_samples,
    same_size=False,
    sample=64,
    progress=None,
):
    """Makes a source of examples, checked, and kept in memory if they fit there.

    The beginning of every file is looked at; images that stay in memory are read
    whole, and so are some of the others.

    Args:
        folder: The `DataFolder` that they lie in.
        examples: Sequence of its examples; may be empty.
        image_size: Height and width to resize to, or None.
        memory_gib: Largest size of the decoded images in memory, in GiB.
        bad_samples: `BadSamples` for those that cannot be used.
        same_size: Whether images of different sizes are refused.
        sample: How many are read whole if they do not stay in memory; None for all.
        progress: Called as `progress(done, total)` while images are read.

    Returns:
        A `Source`, or None if there are no examples.

    Raises:
        UserError: for the first image or mask that cannot be used.
    """
    if not examples:
        return None
    reader = folder.make_reader(examples, image_size)
    kept, sizes = validation.scan(examples, reader, bad_samples, progress)
    if len(kept) < len(examples):
        reader = folder.make_reader(kept, image_size)
    size = image_size or _common_size(sizes, same_size)
    if size is not None and _gib(len(kept), size) <= memory_gib:
        images, labels = load(reader, bad_samples, progress)
        source = MemorySource(images, labels)
        source.sizes, source.names = sizes, _names(reader)
        if kept[0].mask is not None:
            source.class_pixels, source.masks_read = (
                class_pixels.count(labels),
                len(kept),
            )
            if not source.class_pixels[:IGNORE_LABEL].any():
                raise validation.no_class(reader)
        return source
    pixels, masks = validation.check_sample(reader, bad_samples, sample, progress)
    source = ReaderSource(reader, bad_samples)
    source.sizes, source.names = sizes, _names(reader)
    if masks:
        source.class_pixels, source.masks_read = pixels, masks
    return source


def _names(reader):
    return tuple(reader.name(number) for number in range(reader.size))


def _common_size(sizes, same_size):
    """The size of all images, or None if they differ."""
    sizes = list(sizes)
    if len(sizes) > 1 and same_size:
        raise UserError(
            f"--evaluation_batch_size: the images have {len(sizes)} sizes, such as "
            f"{sizes[0]} and {sizes[1]}; expected 1, or an --image_size."
        )
    return sizes[0] if len(sizes) == 1 else None


def _gib(number, size):
    """An image has three bytes a pixel, its label one."""
    return number * size[0] * size[1] * 4 / 2**30


def check_size(size):
    """Refuses a source of no images.

    Raises:
        UserError: The size is 0.
    """
    if size < 1:
        raise UserError("There are no images; check the lists or folders.")
