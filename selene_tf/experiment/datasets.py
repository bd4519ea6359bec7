"""The data set that a `Config` names: its classes, and the folder that it lies in."""

import dataclasses
import os

from selene_tf.config.text import to_text
from selene_tf.data.datasets import description_file
from selene_tf.data.datasets.camvid import CamVid
from selene_tf.data.datasets.cityscapes import Cityscapes
from selene_tf.data.datasets.dataset_info import (
    CAMVID,
    CITYSCAPES,
    CITYSCAPES_RAW_IDS,
    PASCAL_VOC,
    SCENES,
    folder_info,
)
from selene_tf.data.datasets.image_folder import ImageFolder
from selene_tf.data.datasets.pascal_voc import PascalVoc
from selene_tf.data.datasets.tfds import TfdsFolder
from selene_tf.data.files.label_map import LabelFormat
from selene_tf.errors import UserError

_KNOWN = {
    "scenes": SCENES,
    "camvid": CAMVID,
    "cityscapes": CITYSCAPES,
    "pascal_voc": PASCAL_VOC,
}
_FOLDERS = {
    "camvid": CamVid,
    "cityscapes": Cityscapes,
    "pascal_voc": PascalVoc,
}


def dataset_info(config):
    """Names, colours and meaning of the masks of the run's data set.

    Raises:
        UserError: Nothing says what the classes are, or the file that does is wrong.
    """
    if config.dataset in _KNOWN:
        return _KNOWN[config.dataset]
    file = _dataset_file(config)
    if file is not None:
        _check_file_alone(config, file)
        return description_file.read(file)
    if config.class_names:
        return folder_info(config.class_names, config.ignore_label)
    if _builder(config).partition("/")[0] == "cityscapes":
        # Its masks hold the raw ids.
        raw = LabelFormat(CITYSCAPES_RAW_IDS)
        return dataclasses.replace(CITYSCAPES, labels=raw)
    if config.data_dir and not os.path.isdir(config.data_dir):
        raise UserError(
            f"--data_dir: found no folder '{config.data_dir}', where the file that "
            "describes the data set is looked for; expected the folder of the images. "
            "If it was moved, name its new place."
        )
    raise UserError(
        "--class_names: found nothing, expected the names of two or more classes in "
        "the order of their ids, or a --dataset_file that says what the masks hold."
    )


def open_folder(config):
    """The examples of the run's data set, as a `DataFolder`.

    Raises:
        UserError: The folder is missing or does not look like the data set.
    """
    if config.exif != "refuse" and config.dataset != "folder":
        raise UserError(
            f"--exif: found '{config.exif}' for --dataset={config.dataset}, whose "
            "images are stored upright; expected it with --dataset=folder alone."
        )
    if config.dataset.startswith("tfds:"):
        return TfdsFolder(
            _builder(config),
            config.data_dir,
            config.tfds_image,
            config.tfds_mask,
            config.tfds_splits,
            dataset_info(config).labels,
        )
    if not config.data_dir:
        raise UserError(
            "--data_dir: found nothing, expected the folder of the images for "
            f"--dataset={config.dataset}."
        )
    if config.dataset in _FOLDERS:
        return _FOLDERS[config.dataset](config.data_dir)
    return ImageFolder(config.data_dir, dataset_info(config).labels, config.exif)


def _builder(config):
    """The name in TensorFlow Datasets, or nothing."""
    return config.dataset.partition(":")[2]


def _check_file_alone(config, file):
    """Refuses flags that say what the file says too."""
    fields = {field.name: field.default for field in dataclasses.fields(config)}
    for name in ("class_names", "ignore_label"):
        value = getattr(config, name)
        if value != fields[name]:
            raise UserError(
                f"--{name}: found '{to_text(value)}', but {file} says it for this "
                "data set; expected one of the two."
            )


def _dataset_file(config):
    if config.dataset_file or (config.dataset == "folder" and config.data_dir):
        return description_file.find(config.data_dir, config.dataset_file)
    return None
