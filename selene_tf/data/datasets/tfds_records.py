"""Reads images and masks from the TFRecord files of a data set, by number."""

import collections.abc
import contextlib
import dataclasses
import io
import re

import numpy as np
import tensorflow as tf
from PIL import Image

from selene_tf.data.datasets import tfrecord_index
from selene_tf.data.files import label_map, tf_decoding
from selene_tf.data.files.image_reader import Reader
from selene_tf.data.files.label_map import REFUSED
from selene_tf.errors import UserError

_PNG = b"\x89PNG\r\n\x1a\n"
_GREY = 0
# Where tf.data runs `decode` too; other devices check less.
_DEVICE = "CPU:0"
_KINDS = {2: "colour", 3: "palette", 4: "transparent", 6: "transparent"}


@dataclasses.dataclass(frozen=True)
class Record:
    """One image with its mask, and where it lies.

    Args:
        image: What the user calls the image; no other has the same name.
        mask: What the user calls the mask, or None if it is not to be used.
        shard: Path of the TFRecord file.
        offset: Where the record begins in it.
        length: Bytes of its data.
    """

    image: str
    mask: str | None
    shard: str
    offset: int
    length: int

    @property
    def image_path(self):
        """The image's name, which stands for the path that a file would have."""
        return self.image

    @property
    def mask_path(self):
        return self.mask

    def with_mask(self, mask):
        """The same image with another mask, or None."""
        return dataclasses.replace(self, mask=mask)


@dataclasses.dataclass(frozen=True)
class Layout:
    """What a record holds.

    Args:
        parse: TensorFlow function of a record's data, a string tensor: returns the
            bytes of the image's file, and the mask as it is stored.
        mask_is_file: Whether that are the bytes of a file too. If not, they are
            whole numbers of shape (height, width) or (height, width, 1).
    """

    parse: collections.abc.Callable
    mask_is_file: bool

    def mask_values(self, mask):
        """The numbers of a mask that `parse` returned, (height, width)."""
        if self.mask_is_file:
            return _grey_values(mask)
        # Wide enough that no number turns into another.
        return tf.cast(mask[..., 0] if mask.shape.rank == 3 else mask, tf.int64)


class RecordReader(Reader):
    """Reads images and masks from records of TFRecord files.

    Args:
        records: Sequence of `Record`.
        layout: Their `Layout`.
        labels: The `LabelFormat` of the masks.
        image_size: (height, width) to resize to, or None to keep each size.

    Raises:
        UserError: There are no records.
    """

    def __init__(self, records, layout, labels, image_size=None):
        if not records:
            raise UserError("There are no images; check --tfds_splits.")
        self.size = len(records)
        self.image_size = image_size
        self._records, self._layout, self._labels = records, layout, labels
        shards = sorted({record.shard for record in records})
        numbers = {shard: number for number, shard in enumerate(shards)}
        self._shards = tf.constant(shards)
        self._shard_of = tf.constant([numbers[record.shard] for record in records])
        self._offsets = tf.constant([record.offset for record in records], tf.int64)
        self._lengths = tf.constant([record.length for record in records], tf.int64)
        self._is_labelled = tf.constant([record.mask is not None for record in records])
        self._table = tf.constant(label_map.table(labels.ids))

    def decode(self, number):
        content, mask = self._layout.parse(self._read(number))
        image = _decode_image(content)
        label = tf.cond(
            self._is_labelled[number],
            lambda: tf_decoding.to_classes(self._layout.mask_values(mask), self._table),
            lambda: tf.zeros(tf.shape(image)[:2], tf.uint8),
        )
        return tf_decoding.finish(image, label, self.image_size)

    def _read(self, number):
        """A record's data, a string tensor."""
        return tfrecord_index.read_record(
            self._shards[self._shard_of[number]],
            self._offsets[number],
            self._lengths[number],
        )

    def read_checked(self, number):
        record, ids = self._records[number], self._labels.ids
        with tf.device(_DEVICE):
            return _read_checked(record, self._layout, ids, self.image_size)

    def read_size(self, number):
        with tf.device(_DEVICE):
            return _read_size(self._records[number], self._layout)

    def name(self, number):
        return self._records[number].image


def _decode_image(content):
    """The pixels that tfds would give; of a JPEG, those of `decoding`."""
    image = tf.cond(
        tf.io.is_jpeg(content),
        lambda: tf_decoding.decode_image(content),
        # Some data sets hold GIF and BMP files under names that say otherwise.
        lambda: tf.io.decode_image(content, channels=3, expand_animations=False),
    )
    return tf.ensure_shape(image, (None, None, 3))


def _grey_values(content):
    """The numbers in a grey PNG of any depth, int32 (height, width)."""
    header = tf.io.decode_raw(tf.strings.substr(content, 0, 26), tf.uint8)
    # As numbers: text in the message of a failure must be Unicode.
    signature = tf.constant(list(_PNG), tf.uint8)
    grey = tf.constant(_GREY, tf.uint8)
    checks = [
        tf.debugging.assert_equal(header[: len(_PNG)], signature),
        tf.debugging.assert_equal(header[tf_decoding.COLOUR_TYPE], grey),
    ]
    with tf.control_dependencies(checks):
        pixels = tf.io.decode_png(content, channels=1, dtype=tf.uint16)[..., 0]
    # Asked for 16 bits, it stretches fewer bits to their range.
    bits = tf.cast(header[tf_decoding.DEPTH], tf.int32)
    return tf.cast(pixels, tf.int32) // (65535 // (tf.bitwise.left_shift(1, bits) - 1))


def _unpack(record, layout):
    """What `layout.parse` returns."""
    place = f"The record at byte {record.offset} of {record.shard}, {record.image},"
    with _damage_named(place):
        data = tfrecord_index.read_record(
            tf.constant(record.shard),
            tf.constant(record.offset, tf.int64),
            tf.constant(record.length, tf.int64),
        )
        return layout.parse(data)


def _read_size(record, layout):
    content, mask = _unpack(record, layout)
    if record.mask is not None and layout.mask_is_file:
        _check_kind(record.mask, mask.numpy())
    try:
        with Image.open(io.BytesIO(content.numpy())) as image:
            return image.height, image.width
    except Exception:  # Pillow raises many kinds; TensorFlow decides what is usable.
        return _decode_named(record, content).shape[:2]


def _read_checked(record, layout, ids, image_size):
    content, mask = _unpack(record, layout)
    image = _decode_named(record, content)
    if record.mask is None:
        label = tf.zeros(image.shape[:2], tf.uint8)
        return tf_decoding.finish(image, label, image_size)[0].numpy(), None
    label = _read_mask(record.mask, mask, layout, ids)
    _check_sizes(record, image, label)
    image, label = tf_decoding.finish(image, tf.constant(label), image_size)
    return image.numpy(), label.numpy()


def _decode_named(record, content):
    with _damage_named(f"The image of {record.image}"):
        return _decode_image(content)


@contextlib.contextmanager
def _damage_named(what):
    """Turns what TensorFlow says into one line that names the image."""
    try:
        yield
    except tf.errors.OpError as error:
        # Without the names of nodes and devices around the reason.
        reason = re.sub(r"\{\{.*?\}\}|\[Op:.*", "", " ".join(error.message.split()))
        raise UserError(
            f"{what} is damaged ({reason.strip()}); prepare the data set again."
        ) from None


def _read_mask(name, mask, layout, ids):
    if layout.mask_is_file:
        _check_kind(name, mask.numpy())
    with _damage_named(name):
        values = layout.mask_values(mask).numpy()
    clipped = np.clip(values, 0, 255)
    classes = label_map.table(ids)[clipped]
    _check_values(name, values, (classes == REFUSED) | (values != clipped), ids)
    return classes


def _check_kind(name, content):
    if not content.startswith(_PNG):
        kind = f"no PNG file (it starts with {content[:16]!r})"
    elif content[tf_decoding.COLOUR_TYPE : tf_decoding.COLOUR_TYPE + 1] in (b"", b"\0"):
        return
    else:
        colour_type = content[tf_decoding.COLOUR_TYPE]
        kind = f"a {_KINDS.get(colour_type, 'damaged')} PNG"
    raise UserError(
        f"{name} is {kind}; expected a grey PNG of one number a pixel. Name another "
        "feature with --tfds_mask, or prepare the data set with grey masks."
    )


def _check_values(name, values, wrong, ids):
    if not wrong.any():
        return
    row, column = np.argwhere(wrong)[0]
    value = values[row, column]
    count = np.count_nonzero(values == value)
    raise UserError(
        f"{name} holds the value {value} in {count} pixels, first at (row, column) = "
        f"({row}, {column}); expected "
        f"{label_map.describe(ids)}. Say in the label_map of a --dataset_file what "
        "each value means."
    )


def _check_sizes(record, image, label):
    if image.shape[:2] == label.shape:
        return
    height, width = label.shape
    raise UserError(
        f"{record.image} is {image.shape[1]} x {image.shape[0]} pixels (width x "
        f"height) but its mask {record.mask} is {width} x {height}; name another "
        "feature with --tfds_image or --tfds_mask."
    )
