"""The images that a `Config` asks for."""

import functools
import itertools

from selene_tf.cli import progress
from selene_tf.data.augmentation.pretext import Pretext
from selene_tf.data.datasets import class_pixels, duplicates, palette_check, splits
from selene_tf.data.datasets.fingerprint import fingerprint
from selene_tf.data.pipeline import batching, drawn_sources, sources, views
from selene_tf.data.pipeline.bad_samples import BadSamples
from selene_tf.data.pipeline.sources import Sources
from selene_tf.data.scenes import draw
from selene_tf.errors import UserError
from selene_tf.experiment.datasets import dataset_info, open_folder
from selene_tf.networks import dynamic_routing

# Images and masks of a part that are looked at before a training starts.
_SAMPLE = 64


def pretext_task(config):
    """What images are to be told apart by, or None; without weight there is none."""
    if config.pretext == "none" or not config.pretext_weight:
        return None
    return Pretext(config.pretext, config.pretext_probability, config.num_permutations)


def make_sources(config):
    """Reads and checks the images of a run, as a `sources.Sources`.

    Raises:
        UserError: for whatever is wrong with them, naming the file.
    """
    teaches = config.algorithm != "supervised"
    uses_unlabelled = teaches or pretext_task(config) is not None
    if config.dataset == "scenes":
        data = _scenes(config, uses_unlabelled)
    else:
        data = _from_files(config, uses_unlabelled)
    if teaches and data.unlabelled is None:
        raise UserError(
            f"--labelled_ratio: found {config.labelled_ratio}, which leaves no image "
            "unlabelled; expected more, an unlabelled list or folder, or "
            "--algorithm=supervised."
        )
    return data


SPLITS = {"val": "validation", "train": "labelled", "unlabelled": "unlabelled"}


def make_split_source(config, split):
    """The images of a split, for evaluation.

    Args:
        config: The `Config`.
        split: "val"; "train", the labelled training images; or "unlabelled", the
            others with the masks that the data set has of them all the same, which no
            training reads.

    Raises:
        UserError: There are no such images, or an unlabelled one has no mask.
    """
    uses_unlabelled = split == "unlabelled"
    if config.dataset == "scenes":
        source = getattr(_scenes(config, uses_unlabelled), SPLITS[split])
    else:
        folder = open_folder(config)
        examples_of = make_split(config, folder, uses_unlabelled)
        examples = getattr(examples_of, SPLITS[split])
        if uses_unlabelled:
            examples = _with_masks(folder, examples, config.unlabelled_list)
        source = _examples(config, folder, examples, None)
    if source is None:
        raise UserError(
            f"--split: found '{split}', but the run has no such images; expected val "
            "or train."
        )
    return source


def _with_masks(folder, examples, unlabelled_list):
    """Unlabelled examples with the masks that lie beside them in the data set."""
    with_masks = splits.with_spare_masks(folder, examples, unlabelled_list)
    without = [example.image for example in with_masks if example.mask is None]
    if without:
        raise UserError(
            f"--split: found 'unlabelled', but {len(without)} of {len(with_masks)} "
            f"unlabelled images have no mask to score on, such as {without[0]}; "
            "expected a data set that has them, or val or train."
        )
    return with_masks


def make_split(config, folder, uses_unlabelled, allow_overlap=False):
    """Which examples are labelled, unlabelled and for validation."""
    return splits.make_split(
        folder,
        config.labelled_ratio,
        config.labelled_list,
        config.unlabelled_list,
        config.validation_list,
        uses_unlabelled,
        allow_overlap,
    )


def _from_files(config, uses_unlabelled):
    folder = open_folder(config)
    split = make_split(config, folder, uses_unlabelled)
    _check_no_leaks(config, split)
    total = len(split.labelled) + len(split.unlabelled)
    bad_samples = BadSamples(total, config.on_bad_sample == "skip")
    labelled = _examples(config, folder, split.labelled, bad_samples)
    return Sources(
        labelled,
        _examples(config, folder, split.unlabelled, bad_samples),
        _examples(config, folder, split.validation, None),
        bad_samples,
        (
            *notes(config, folder),
            *_class_warnings(config, labelled, split.labelled),
            *(f"warning: {line}" for line in palette_warnings(config, split, _SAMPLE)),
            *_orientation_notes(config, labelled),
        ),
        # Only a training asks for it.
        functools.partial(fingerprint, split, folder.data_dir),
    )


def _orientation_notes(config, source):
    """A note if --image_size lies across nearly all images, as swapped numbers do."""
    if not config.image_size or not source.sizes:
        return
    height, width = config.image_size
    across = sum(
        count
        for (own_height, own_width), count in source.sizes.items()
        if (own_height - own_width) * (height - width) < 0
    )
    if across > 0.9 * sum(source.sizes.values()):
        example = next(iter(source.sizes))
        yield (
            f"note: --image_size={height},{width} (height,width) lies across {across} "
            f"of {sum(source.sizes.values())} images, such as one of "
            f"{example[0]},{example[1]}; they will be distorted."
        )


def _check_no_leaks(config, split):
    """Refuses a validation image among the training images, copied or linked.

    Raises:
        UserError: names both files.
    """
    # Published data sets are as they are.
    if config.dataset != "folder":
        return
    parts = {
        name: [example.image for example in getattr(split, name)]
        for name in ("labelled", "unlabelled", "validation")
    }
    leaks = [
        leak
        for leak in duplicates.leaks(duplicates.find(parts))
        if leak.startswith("validation: ")
    ]
    if leaks:
        more = f" ({len(leaks) - 1} more such images)" if len(leaks) > 1 else ""
        raise UserError(f"{leaks[0]}{more}")


def palette_warnings(config, split, sample=None):
    """What the palettes of a data set's masks contradict, a line each.

    Args:
        config: The `Config`.
        split: A `Split` of its examples.
        sample: How many masks of a part are looked at; None for all.
    """
    if config.dataset != "folder":
        return []
    paths = []
    for examples in (split.labelled, split.validation):
        masks = [example.mask for example in examples if example.mask is not None]
        step = max(1, len(masks) // sample) if sample else 1
        paths += masks[::step]
    return list(palette_check.warnings(paths, dataset_info(config).labels))


def _class_warnings(config, source, examples):
    """What the labelled masks lack, a line each.

    Raises:
        UserError: Of two classes one has no pixel, and another value means nothing.
    """
    counts, names = source.class_pixels, dataset_info(config).class_names
    if counts is None:
        return ()
    # Of a sample nothing is certain.
    if source.masks_read == source.size:
        error = class_pixels.one_of_two(
            examples[0].image, source.size - 1, counts, names
        )
        if error is not None:
            raise error
    what = f"the labelled masks ({source.masks_read} of {source.size} were looked at)"
    return [f"warning: {w}" for w in class_pixels.warnings(counts, names, what)]


def notes(config, folder):
    """What was decided on looking at the data, as far as it concerns this run."""
    follows_rule = not config.labelled_list
    return folder.notes + (folder.rule_notes if follows_rule else ())


def _scenes(config, uses_unlabelled):
    return drawn_sources.from_scenes(
        config.num_training_scenes,
        config.num_validation_scenes,
        config.labelled_ratio,
        config.image_size or draw.DEFAULT_SIZE,
        uses_unlabelled,
    )


def _examples(config, folder, examples, bad_samples):
    """Images to train on; to evaluate on, of which none may be bad, without."""
    is_evaluated = bad_samples is None
    with progress.bar("reading images") as show:
        return sources.from_examples(
            folder,
            examples,
            config.image_size or None,
            config.memory_gib,
            BadSamples(len(examples)) if is_evaluated else bad_samples,
            same_size=is_evaluated and config.evaluation_batch_size > 1,
            # Now, and not hours later, when they are first looked at.
            sample=None if is_evaluated else _SAMPLE,
            progress=show,
        )


def make_statistics_batches(config, data, devices):
    """Images to take normalisation's statistics from, after the last step.

    Batches of labelled and of unlabelled images in turn, augmented like those
    that would come next.
    """
    dataset = make_training_dataset(config, data, config.steps, devices)
    for batch in itertools.islice(dataset, config.precise_bn_batches):
        yield batch["image"]
        if "unlabelled_image" in batch:
            yield batch["unlabelled_image"]


def make_training_dataset(config, data, first_step, devices):
    """Endless batches, from the one that step `first_step` takes, on the devices."""
    augmentation = views.Augmentation(
        config.crop_size,
        config.scales,
        config.flip,
        dynamic_routing.MEAN_COLOUR,
        pretext_task(config),
        config.strong_augmentation and config.algorithm == "mean_teacher",
        config.cutmix,
    )
    dataset = batching.training(
        data.labelled,
        data.unlabelled,
        config.batch_size,
        config.seed,
        first_step,
        augmentation,
        devices.share,
    )
    return devices.distribute(dataset)
