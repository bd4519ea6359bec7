"""Reads images and masks from files, by number."""

import concurrent.futures
import os

import numpy as np
import tensorflow as tf

from selene_tf.data.datasets import label_map
from selene_tf.data.files import image_files, pillow_reading, tf_decoding
from selene_tf.data.files.image_reader import Reader
from selene_tf.errors import UserError


def from_files(examples, labels, image_size=None):
    """Makes a reader of files.

    Nothing is checked here, beyond that there are images: files that cannot be
    used say so when they are read.

    Args:
        examples: Sequence of `Example`.
        labels: The `LabelFormat` of the masks.
        image_size: (height, width) to resize to, or None to keep each size.

    Raises:
        UserError: There are no examples.
    """
    if not examples:
        raise UserError("There are no images; check the lists or folders.")
    images = tf.constant([os.fsencode(example.image) for example in examples])
    decode_mask = _mask_decoder([example.mask for example in examples], labels)

    def decode(number):
        image = tf_decoding.decode_image(tf.io.read_file(images[number]))
        return tf_decoding.finish(image, decode_mask(number, image), image_size)

    return Reader(
        len(examples),
        decode,
        lambda number: pillow_reading.read_example(
            examples[number], labels, image_size
        ),
        lambda number: str(examples[number].image),
        lambda number: pillow_reading.look(examples[number], labels),
        image_size,
    )


def _mask_decoder(paths, labels):
    """A function of a number and its image, that returns class ids."""
    if not any(paths):
        return lambda _, image: tf.zeros(tf.shape(image)[:2], tf.uint8)
    headers = _headers(paths, labels)
    colour_type = tf_decoding.COLOUR_TYPE
    is_colour = [header[colour_type : colour_type + 1] == b"\2" for header in headers]
    metadata = {
        "path": tf.constant([os.fsencode(path or "") for path in paths]),
        "header": tf.constant(headers),
        "is_colour": tf.constant(is_colour),
        "table": tf.constant([labels.number_of(path) for path in paths]),
    }
    tables = tf.constant(np.stack([label_map.table(ids) for ids in labels.all_ids()]))
    # It is large, and hardly ever needed.
    colours = label_map.colour_table(labels.colours) if any(is_colour) else [0]
    colours = tf.constant(colours, tf.uint8)

    def decode(number, image):
        fact = {name: values[number] for name, values in metadata.items()}

        def of_file():
            content = tf.io.read_file(fact["path"])
            return tf.cond(
                fact["is_colour"],
                lambda: tf_decoding.decode_colour_mask(content, colours),
                lambda: tf_decoding.decode_index_mask(
                    content, fact["header"], tables[fact["table"]]
                ),
            )

        return tf.cond(
            fact["path"] == "",
            lambda: tf.zeros(tf.shape(image)[:2], tf.uint8),
            of_file,
        )

    return decode


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
