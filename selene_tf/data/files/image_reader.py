"""Reads images and masks by number, wherever they lie; here from files."""

import abc
import concurrent.futures
import os
import typing

import numpy as np
import tensorflow as tf

from selene_tf.data.files import image_files, label_map, pillow_reading, tf_decoding
from selene_tf.data.files.palettes import by_colour, read_palette
from selene_tf.errors import UserError


class Reader(typing.Protocol):
    """Reads the images of one part of a data set by their numbers.

    Attributes:
        size: Number of images, at least 1.
        image_size: (height, width) if all images are brought to it, or None.
    """

    size: int
    image_size: tuple[int, int] | None

    @abc.abstractmethod
    def decode(self, number):
        """Decodes an image and its mask in TensorFlow's graph, where no Python runs.

        Args:
            number: An int64 tensor of 0 to `size - 1`.

        Returns:
            The image, uint8 (height, width, 3), and class ids, uint8 (height,
            width), 255 for "no class" and all 0 without a mask. What cannot be used
            is an error of TensorFlow.
        """

    @abc.abstractmethod
    def read_checked(self, number):
        """Reads the same in Python, slower, and says what is wrong with which file.

        Args:
            number: An integer.

        Returns:
            Two NumPy arrays; None in place of the second without a mask.

        Raises:
            UserError: The image or its mask cannot be used.
        """

    @abc.abstractmethod
    def read_size(self, number):
        """Reads the (height, width) that an image has where it lies.

        Only the first bytes are read, nothing is decoded.

        Raises:
            UserError: What these bytes show to be wrong.
        """

    @abc.abstractmethod
    def name(self, number):
        """What the user calls the image, for messages."""


class FileReader(Reader):
    """Reads images and masks from files of their own.

    Nothing is checked when it is made, beyond that there are images: files that
    cannot be used say so when they are read.

    Args:
        examples: Sequence of `Example`.
        labels: The `LabelFormat` of the masks.
        image_size: (height, width) to resize to, or None to keep each size.
        exif: What is done about images that are stored turned: "refuse" or "apply",
            see `image_files.read`.

    Raises:
        UserError: There are no examples.

    Example:
        >>> from PIL import Image
        >>> from selene_tf.data.datasets.examples import Example
        >>> Image.new("RGB", (6, 4)).save("a.png")
        >>> reader = FileReader([Example("a.png", None)], label_map.index(2))
        >>> reader.read_size(0)
        (4, 6)
    """

    def __init__(self, examples, labels, image_size=None, exif="refuse"):
        if not examples:
            raise UserError("There are no images; check the lists or folders.")
        self.size = len(examples)
        self.image_size = image_size
        self.examples, self.labels, self._exif = examples, labels, exif
        self._orientations = _orientations(examples) if exif == "apply" else None
        images = [os.fsencode(example.image_path) for example in examples]
        self._images = tf.constant(images)
        masks = [example.mask_path for example in examples]
        self._masks = _MaskDecoder(masks, labels) if any(masks) else None

    # There is no Python control flow that autograph would have to look for.
    @tf.autograph.experimental.do_not_convert
    def decode(self, number):
        image = tf_decoding.decode_image(tf.io.read_file(self._images[number]))
        if self._masks is None:
            label = tf.zeros(tf.shape(image)[:2], tf.uint8)
        else:
            label = self._masks.decode(number, image)
        if self._orientations is not None:
            image, label = self._turned(number, image, label)
        return tf_decoding.finish(image, label, self.image_size)

    def _turned(self, number, image, label):
        of_image, of_mask = tf.unstack(self._orientations[number])
        alike = tf.debugging.assert_equal(of_image, of_mask)
        with tf.control_dependencies([alike]):
            image = tf_decoding.turn_upright(image, of_image)
        label = tf_decoding.turn_upright(label[..., tf.newaxis], of_image)
        return image, label[..., 0]

    def read_checked(self, number):
        example, size = self.examples[number], self.image_size
        return pillow_reading.read_example(example, self.labels, size, self._exif)

    def read_size(self, number):
        return pillow_reading.read_size(self.examples[number], self.labels, self._exif)

    def name(self, number):
        return str(self.examples[number].image)


class _MaskDecoder:
    """Decodes masks by number, with what is known of each before the graph runs."""

    def __init__(self, paths, labels):
        headers = _headers(paths, labels)
        colour_type = tf_decoding.COLOUR_TYPE
        colours = (pillow_reading.COLOUR, pillow_reading.COLOUR_AND_ALPHA)
        is_colour = [
            bool(header) and header[colour_type] in colours for header in headers
        ]
        self._paths = tf.constant([os.fsencode(path or "") for path in paths])
        self._headers = tf.constant(headers)
        self._is_colour = tf.constant(is_colour)
        numbers, all_ids = _meanings(paths, headers, labels)
        self._table_of = tf.constant(numbers)
        self._tables = tf.constant(np.stack([label_map.table(ids) for ids in all_ids]))
        # It is large, and hardly ever needed.
        colours = label_map.colour_table(labels.colours) if any(is_colour) else [0]
        self._colours = tf.constant(colours, tf.uint8)

    def decode(self, number, image):
        """Class ids, uint8 (height, width); all 0 for an image without a mask."""
        path = self._paths[number]
        return tf.cond(
            path == "",
            lambda: tf.zeros(tf.shape(image)[:2], tf.uint8),
            lambda: self._decode_file(number, tf.io.read_file(path)),
        )

    def _decode_file(self, number, content):
        return tf.cond(
            self._is_colour[number],
            lambda: tf_decoding.decode_colour_mask(content, self._colours),
            lambda: tf_decoding.decode_index_mask(
                content, self._headers[number], self._tables[self._table_of[number]]
            ),
        )


def _meanings(paths, headers, labels):
    """Of each mask the number of what its values mean, and these meanings.

    Files whose palettes say it have one meaning for each palette.
    """
    numbers, all_ids = [labels.number_of(path) for path in paths], labels.all_ids()
    if not labels.palettes_by_colour:
        return numbers, all_ids
    with concurrent.futures.ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda path: read_palette(path) if path else (), paths))
    known = {}
    for place, palette in enumerate(found):
        if palette and headers[place]:
            new = len(all_ids) + len(known)
            numbers[place] = known.setdefault(palette, new)
    ids = [by_colour(each, labels.colours, label_map.REFUSED) for each in known]
    return numbers, [*all_ids, *ids]


def _orientations(examples):
    """EXIF orientations of images and masks, int32 (number, 2)."""

    def read(example):
        of_image = image_files.read_orientation(example.image)
        if example.mask is None:
            return of_image, of_image
        return of_image, image_files.read_orientation(example.mask)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        return tf.constant(list(pool.map(read, examples)), tf.int32)


def _headers(paths, labels):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return list(pool.map(lambda path: _header(path, labels), paths))


def _header(path, labels):
    """What a mask is decoded with; of unusable ones nothing, which cannot be."""
    if path is None:
        return b""
    try:
        with open(path, "rb") as file:
            header = file.read(image_files.HEADER_BYTES)
        kind = pillow_reading.mask_kind(path, header, labels)
    except (OSError, IndexError, UserError):
        return b""
    return (
        tf_decoding.as_grey_header(header) if kind == pillow_reading.PALETTE else header
    )
