"""The pictures that a `Config` asks for."""

import itertools

from selene_tf.data import catalog, partition, pipelines, scenes, sources, views
from selene_tf.data.pretext import Pretext
from selene_tf.data.sources import Sources
from selene_tf.errors import UserError
from selene_tf.networks import dynamic_routing


def dataset_info(config):
    """Names, colours and ignore label of the run's data set."""
    if config.dataset == "folder":
        return catalog.folder(config.class_names, config.ignore_label)
    return {
        "scenes": catalog.SCENES,
        "camvid": catalog.CAMVID,
        "cityscapes": catalog.CITYSCAPES,
        "pascal_voc": catalog.PASCAL_VOC,
    }[config.dataset]


def pretext_task(config):
    """What pictures are to be told apart by, or None; without weight there is none."""
    if config.pretext == "none" or not config.pretext_weight:
        return None
    return Pretext(config.pretext, config.pretext_probability, config.num_permutations)


def make_sources(config):
    """Reads and checks the pictures of a run, as a `sources.Sources`.

    Raises:
        UserError: for whatever is wrong with them, naming the file.
    """
    teaches = config.algorithm != "supervised"
    uses_unlabelled = teaches or pretext_task(config) is not None
    if config.dataset == "scenes":
        found = _scenes(config, uses_unlabelled)
    else:
        split = make_split(config, uses_unlabelled)
        found = Sources(
            _examples(config, split.labelled),
            _examples(config, split.unlabelled),
            _examples(config, split.validation, is_evaluated=True),
        )
    if teaches and found.unlabelled is None:
        raise UserError(
            f"--labelled_ratio: found {config.labelled_ratio}, which leaves no picture "
            "unlabelled; expected more, an unlabelled list or folder, or "
            "--algorithm=supervised."
        )
    return found


def make_split_source(config, split):
    """The pictures of "train" (the labelled ones) or "val", for evaluation."""
    if config.dataset == "scenes":
        found = _scenes(config, uses_unlabelled=False)
        return found.validation if split == "val" else found.labelled
    found = make_split(config, uses_unlabelled=False)
    examples = found.validation if split == "val" else found.labelled
    return _examples(config, examples, is_evaluated=True)


def make_split(config, uses_unlabelled):
    """Which files are labelled, unlabelled and for validation."""
    if config.dataset in ("cityscapes", "pascal_voc"):
        raise UserError(
            f"--dataset: {config.dataset} cannot be read yet; expected scenes, camvid, "
            "or folder with list files of pictures and index masks."
        )
    if not config.data_dir:
        raise UserError(
            "--data_dir: found nothing, expected the folder of the pictures for "
            f"--dataset={config.dataset}."
        )
    return partition.make_split(
        config.data_dir,
        "lists" if config.dataset == "camvid" else None,
        config.labelled_ratio,
        config.labelled_list,
        config.unlabelled_list,
        config.validation_list,
        uses_unlabelled,
    )


def _scenes(config, uses_unlabelled):
    return sources.from_scenes(
        config.num_training_scenes,
        config.num_validation_scenes,
        config.labelled_ratio,
        config.image_size or scenes.DEFAULT_SIZE,
        uses_unlabelled,
    )


def _examples(config, examples, is_evaluated=False):
    info = dataset_info(config)
    return sources.from_examples(
        examples,
        info.num_classes,
        info.ignore_label,
        config.image_size or None,
        config.memory_gib,
        same_size=is_evaluated and config.evaluation_batch_size > 1,
    )


def make_statistics_batches(config, data, devices):
    """Pictures to take normalisation's statistics from, after the last step.

    Batches of labelled and of unlabelled pictures in turn, augmented like those
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
        config.strong_view and config.algorithm == "mean_teacher",
    )
    dataset = pipelines.training(
        data.labelled,
        data.unlabelled,
        config.batch_size,
        config.seed,
        first_step,
        augmentation,
        devices.share,
    )
    return devices.distribute(dataset)
