"""Data sets of TensorFlow Datasets (tfds) that lie prepared on this machine.

Nothing is ever downloaded or prepared here: that can take hours, and some data sets
have terms to agree to first.
"""

import dataclasses
import re
from pathlib import Path

from selene_tf.data.datasets import tfds_features, tfrecord_index
from selene_tf.data.datasets.dataset import DataFolder
from selene_tf.data.datasets.tfds_records import Record, RecordReader
from selene_tf.errors import UserError

_NAME = re.compile(r"\w+(/[\w.+-]+)?(:[\d*]+(\.[\d*]+){2})?")
_VALIDATION_SPLITS = ("validation", "val", "test")


class TfdsFolder(DataFolder):
    """Opens a prepared data set of TensorFlow Datasets, two splits of it.

    Its examples are `tfds_records.Record`s. There is no unlabelled part, and no list
    can name the images.

    Args:
        name: The data set as tfds calls it: NAME, NAME/CONFIG or NAME:VERSION.
        data_dir: The folder that holds tfds' data sets; empty for tfds' default.
        image_feature: See `tfds_features.find_image`; empty to find it.
        mask_feature: See `tfds_features.find_mask`, likewise.
        splits: Names of the splits for training and validation, or parts of them
            such as "train[:80%]"; empty for "train" and the first of "validation",
            "val" and "test" that there is.
        labels: The `LabelFormat` of the masks.

    Raises:
        UserError: tfds does not know the data set, or it is not prepared, or not in
            TFRecord files; a split or feature is missing or not clear; a file is
            missing, cut off or has another number of records than tfds noted.
    """

    def __init__(self, name, data_dir, image_feature, mask_feature, splits, labels):
        builder = _builder(name, data_dir)
        features = _features(builder.info)
        image = tfds_features.find_image(features, image_feature)
        mask = tfds_features.find_mask(features, mask_feature)
        splits = _splits(builder.info, splits)
        train, validation = _records(builder.info, splits, mask)
        self.data_dir = str(builder.data_dir)
        self.notes = (
            f"{builder.info.full_name}: images from '{image}', masks from '{mask}'; "
            f"training on '{splits[0]}' ({len(train)} images), validating on "
            f"'{splits[1]}' ({len(validation)}).",
        )
        self._parts = {"train": train, "val": validation, "unlabelled": ()}
        self._layout = tfds_features.layout(features, image, mask)
        self._labels = labels

    def read_part(self, part, mask_every):
        return _with_masks(self._parts[part], mask_every)

    def read_listed(self, list_file, mask_every):  # noqa: ARG002
        raise UserError(
            f"Found the list '{list_file}', which names files; the images of tfds have "
            "none. Choose the labelled ones with --labelled_ratio."
        )

    def make_reader(self, examples, image_size):
        return RecordReader(examples, self._layout, self._labels, image_size)


def _builder(name, data_dir):
    import tensorflow_datasets as tfds  # Takes a while, and most runs do without.

    if not _NAME.fullmatch(name):
        raise UserError(
            f"--dataset: found 'tfds:{name}', expected tfds:NAME, tfds:NAME/CONFIG or "
            "tfds:NAME:VERSION, for example tfds:oxford_iiit_pet."
        )
    folder = Path(data_dir or tfds.core.constants.DATA_DIR).expanduser()
    try:
        builder = tfds.builder(name, data_dir=folder, try_gcs=False)
        prepared = builder.is_prepared() and builder.info.splits
    except tfds.core.DatasetNotFoundError:
        raise UserError(
            f"--dataset: found 'tfds:{name}', which neither tfds nor '{folder}' has; "
            f"{_prepared(folder)}. Check the name and --data_dir."
        ) from None
    except Exception as error:  # It runs the data set's own code.
        raise UserError(
            f"--dataset: tfds cannot open '{name}' ({_reason(error)}); "
            f"{_prepared(folder)}. Check the name, its configuration and version."
        ) from None
    if not prepared:
        raise _not_prepared(builder.info.full_name, name, folder)
    _check_format(builder.info, name)
    return builder


def _prepared(folder):
    """The data sets in a folder, for an error message."""
    names = []
    for depth in ("*/*", "*/*/*"):
        for file in folder.glob(f"{depth}/dataset_info.json"):
            *name, version = file.parent.relative_to(folder).parts
            names.append(f"{'/'.join(name)}:{version}")
    return f"'{folder}' holds {', '.join(sorted(names)) or 'no prepared data set'}"


def _not_prepared(full_name, name, folder):
    call = f"tfds.load('{name}', data_dir='{folder}')"
    return UserError(
        f"--data_dir: found no {full_name}; {_prepared(folder)}. Prepare it once, "
        "which downloads it, or asks for files that you have to fetch yourself: "
        f'python -c "import tensorflow_datasets as tfds; {call}"'
    )


def _check_format(info, name):
    file_format = info.file_format.value
    if file_format != "tfrecord":
        raise UserError(
            f"--dataset: found {info.full_name} in files of the format {file_format}, "
            "expected tfrecord. Prepare it in another folder: tfds build "
            f"{name} --file_format=tfrecord --data_dir=FOLDER"
        )


def _features(info):
    import tensorflow_datasets as tfds

    if not isinstance(info.features, tfds.features.FeaturesDict):
        raise UserError(
            f"--dataset: the records of {info.full_name} have no named features; "
            "expected an image and a mask in each."
        )
    return dict(info.features.items())


def _splits(info, wanted):
    """The names of two splits that exist."""
    there = ", ".join(info.splits)
    if not wanted:
        others = [name for name in _VALIDATION_SPLITS if name in info.splits]
        if "train" not in info.splits or not others:
            raise UserError(
                f"--tfds_splits: found nothing, and {info.full_name} has only {there}; "
                "expected two of them, or parts such as train[:80%],train[80%:]."
            )
        return "train", others[0]
    for name in wanted:
        if name.partition("[")[0] not in info.splits:
            raise UserError(
                f"--tfds_splits: found '{name}', expected a split of "
                f"{info.full_name}: {there}, or a part such as train[:80%]."
            )
    return tuple(wanted)


def _records(info, splits, mask):
    """The records of each split, in the order in which tfds gives them."""
    bases = {name.partition("[")[0] for name in splits}
    files = {}
    for base in bases:
        files |= _records_of_files(info, base, mask)
    return [_part(info, name, files) for name in splits]


def _records_of_files(info, split, mask):
    """{path: its records} of all files of a split."""
    files, number = {}, 0
    sizes = info.splits[split].shard_lengths
    for path, size in zip(info.splits[split].filepaths, sizes, strict=True):
        places = tfrecord_index.index(path)
        if len(places) != size:
            raise UserError(
                f"{path} holds {len(places)} records, but the data set's "
                f"dataset_info.json says {size}; copy both again, or prepare the data "
                "set again."
            )
        names = [f"{info.name}/{split}[{number + i}]" for i in range(size)]
        files[str(path)] = [
            Record(name, f"{name} {mask}", str(path), *place)
            for name, place in zip(names, places, strict=True)
        ]
        number += size
    return files


def _part(info, split, files):
    try:
        instructions = info.splits[split].file_instructions
    except (ValueError, KeyError, AssertionError) as error:
        raise UserError(
            f"--tfds_splits: found '{split}' ({_reason(error)}); expected a split of "
            f"{info.full_name}, or a part such as train[:80%]."
        ) from None
    records = tuple(
        record
        for file in instructions
        for record in files[str(file.filename)][file.skip : file.skip + file.take]
    )
    if not records:
        raise UserError(
            f"--tfds_splits: found no image in '{split}' of {info.full_name}; "
            "expected one or more. Name another split, or a larger part."
        )
    return records


def _reason(error):
    """What tfds says, in one line, without the call that it was asked for."""
    text = " ".join(str(error).split())
    return re.sub(r'^Failed to construct .*\}": ', "", text).rstrip(".:")


def _with_masks(records, mask_every):
    """Leaves every n-th record its mask, from the first on; 0 for none."""
    return tuple(
        record
        if mask_every and number % mask_every == 0
        else dataclasses.replace(record, mask=None)
        for number, record in enumerate(records)
    )
