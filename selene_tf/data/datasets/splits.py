"""Which examples train with their labels, which without, and which validate."""

import dataclasses
from pathlib import Path

from selene_tf.data.datasets.examples import Example
from selene_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class Split:
    """Three tuples of `Example` that share no image; `unlabelled` has no masks."""

    labelled: tuple[Example, ...]
    unlabelled: tuple[Example, ...]
    validation: tuple[Example, ...]


def take_every(examples, ratio):
    """Splits examples into labelled and unlabelled ones: every n-th keeps its label.

    This is the published rule of Cityscapes and Pascal VOC.

    Args:
        examples: Sequence of `Example`; its order decides the outcome.
        ratio: 8 labels one example in eight, from the first on; 1 labels all.

    Returns:
        Tuples (labelled, unlabelled), both in the given order; the unlabelled
        examples have lost their masks.

    Raises:
        UserError: `ratio` is not a whole number of at least 1.

    Example:
        >>> examples = [Example(Path(f"{name}.png"), None) for name in "abcde"]
        >>> labelled, unlabelled = take_every(examples, 2)
        >>> [example.image.stem for example in labelled]
        ['a', 'c', 'e']
    """
    if ratio < 1 or ratio % 1:
        raise UserError(
            f"The labelled ratio is {ratio}; give a whole number of at least 1, for "
            "example 8 to use one label in eight."
        )
    rest = [item for number, item in enumerate(examples) if number % ratio]
    return tuple(examples[:: int(ratio)]), _without_masks(rest)


def make_split(
    folder,
    labelled_ratio,
    labelled_list="",
    unlabelled_list="",
    validation_list="",
    use_unlabelled=True,
    allow_overlap=False,
):
    """Splits a data set into labelled, unlabelled and validation examples.

    Without lists, every `labelled_ratio`-th training example is labelled, and the
    others are unlabelled together with those that never had a label. A list
    replaces its part. With a labelled list alone, all other training images are
    unlabelled.

    Args:
        folder: The `DataFolder`.
        labelled_ratio: See `take_every`; without effect if labels come from a list.
        labelled_list: List file of images and masks; a path from the working
            folder or from the data's. So are the next two.
        unlabelled_list: List file of images.
        validation_list: List file of images and masks.
        use_unlabelled: If not, unlabelled images are not looked for.
        allow_overlap: Whether an image may stand in two parts, to list them all.

    Returns:
        A `Split`.

    Raises:
        UserError: A file is missing or faulty, or an image stands in two parts.

    Example:
        >>> from selene_tf.data.datasets.image_folder import ImageFolder
        >>> from selene_tf.data.files import label_map
        >>> _ = Path("train.txt").write_text("a.png a_mask.png")
        >>> _ = Path("val.txt").write_text("b.png b_mask.png")
        >>> folder = ImageFolder(".", label_map.index(2))
        >>> split = make_split(folder, labelled_ratio=1)
        >>> len(split.labelled), len(split.unlabelled), len(split.validation)
        (1, 0, 1)
    """
    labelled = _labelled(folder, labelled_ratio, labelled_list)
    unlabelled = ()
    if use_unlabelled:
        taken = {example.image_path for example in labelled}
        unlabelled = _unlabelled(folder, taken, unlabelled_list)
    validation = _validation(folder, validation_list)
    split = Split(labelled, unlabelled, validation)
    if not allow_overlap:
        _check_overlap(split)
    return split


def with_spare_masks(folder, examples, unlabelled_list=""):
    """Unlabelled examples with the masks that the data set has of them all the same.

    No training reads these; they tell how good the pseudo-labels became.

    Args:
        folder: The `DataFolder`.
        examples: Sequence of `Example` without masks.
        unlabelled_list: The list that they come from, if one does; its lines may name
            masks too.

    Returns:
        Tuple of the examples, with a mask where there is one.

    Raises:
        UserError: Neither the training part nor the list tells of any mask.
    """
    masks, errors = {}, []
    for read in (
        lambda: folder.read_part("train", 1),
        lambda: _listed(unlabelled_list, folder, 1) if unlabelled_list else (),
    ):
        try:
            masks |= {example.image_path: example.mask_path for example in read()}
        except UserError as error:
            errors.append(error)
    if errors and not masks:
        raise errors[0]
    return tuple(
        example.with_mask(masks.get(example.image_path)) for example in examples
    )


def _without_masks(examples):
    return tuple(example.with_mask(None) for example in examples)


def _listed(list_file, folder, mask_every):
    here = Path(list_file)
    path = here if here.is_file() else Path(folder.data_dir) / list_file
    if not path.is_file():
        raise UserError(
            f"The list '{list_file}' is neither in the working folder nor in "
            f"'{folder.data_dir}'; check the path."
        )
    return folder.read_listed(path, mask_every)


def _labelled(folder, ratio, labelled_list):
    if labelled_list:
        return _listed(labelled_list, folder, mask_every=1)
    return take_every(folder.read_part("train", ratio), ratio)[0]


def _unlabelled(folder, taken, unlabelled_list):
    """The listed ones, or all that are left, and those that never had a label."""
    if unlabelled_list:
        return _listed(unlabelled_list, folder, mask_every=0)
    pool = folder.read_part("train", 0)
    rest = tuple(example for example in pool if example.image_path not in taken)
    return rest + tuple(folder.read_part("unlabelled", 0))


def _validation(folder, validation_list):
    if validation_list:
        return _listed(validation_list, folder, mask_every=1)
    return folder.read_part("val", 1)


def overlaps(split):
    """Describes the images that stand in a `Split` more than once, a line each."""
    parts = {}
    for field in dataclasses.fields(split):
        for example in getattr(split, field.name):
            path = example.image_path
            if path in parts:
                yield (
                    f"{path} is listed as {parts[path]} and again as {field.name}; an "
                    "image may be used once. Remove it from one of the lists or "
                    "folders."
                )
            parts.setdefault(path, field.name)


def _check_overlap(split):
    lines = list(overlaps(split))
    if lines:
        others = f" So are {len(lines) - 1} others." if len(lines) > 1 else ""
        raise UserError(lines[0] + others)
