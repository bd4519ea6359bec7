"""Writes small data sets as TensorFlow Datasets would have prepared them."""

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

GREY = {"shape": (None, None, 1)}


def features(**others):
    """Of a data set such as oxford_iiit_pet; a feature of None is left out."""
    chosen = {
        "image": tfds.features.Image(),
        "label": tfds.features.ClassLabel(num_classes=2),
        "segmentation_mask": tfds.features.Image(**GREY, use_colormap=True),
    }
    chosen |= others
    return {name: feature for name, feature in chosen.items() if feature is not None}


def example(number):
    """An image full of 10 times its number; its mask holds 1, 2 and 3 in turn."""
    values = (number + np.arange(24).reshape(4, 6, 1)) % 3 + 1
    return {
        "image": np.full((4, 6, 3), 10 * number, np.uint8),
        "label": number % 2,
        "segmentation_mask": values.astype(np.uint8),
    }


def write(folder, splits, features_=None, name="shapes", file_format="tfrecord"):
    """Writes the files of a data set of version 1.0.0.

    Args:
        folder: What tfds calls data_dir.
        splits: {name: list of files, each a list of examples}.
        features_: {name: tfds feature}; those of `features` if None.
        name: Name of the data set, or name/configuration.
        file_format: Of these files, which are TFRecord in any case.

    Returns:
        The folder that the files lie in.
    """
    form = tfds.features.FeaturesDict(features_ or features())
    place = folder / name / "1.0.0"
    place.mkdir(parents=True)
    start = name.partition("/")[0]
    infos = []
    for split, files in splits.items():
        for number, examples in enumerate(files):
            end = f"{file_format}-{number:05}-of-{len(files):05}"
            with tf.io.TFRecordWriter(str(place / f"{start}-{split}.{end}")) as writer:
                for item in examples:
                    writer.write(form.serialize_example(item))
        lengths = [len(examples) for examples in files]
        infos.append(
            tfds.core.SplitInfo(name=split, shard_lengths=lengths, num_bytes=0)
        )
    tfds.folder_dataset.write_metadata(
        data_dir=place, features=form, split_infos=infos, check_data=False
    )
    return place
