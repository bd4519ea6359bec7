"""Times what feeds a training: reading, decoding, augmenting, batching."""

import pathlib
import tempfile
import time

from PIL import Image

from selene_tf.data.datasets import dataset_info
from selene_tf.data.datasets.examples import Example
from selene_tf.data.files.image_reader import FileReader
from selene_tf.data.pipeline import batching, in_memory, views
from selene_tf.data.pipeline.bad_samples import BadSamples
from selene_tf.data.pipeline.sources import MemorySource, ReaderSource
from selene_tf.data.scenes import draw
from selene_tf.errors import UserError

# Enough that a file is not read twice in a row; all are in the system's cache.
_NUM_IMAGES = 16
_SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
_MEAN_COLOUR = (123.675, 116.28, 103.53)


def of_input(size, crop_size, batch_size, repeats):
    """Times the input of a supervised training alone, from files and from memory.

    Images are drawn scenes, which are as noisy as a camera's, PNG files with masks
    of class ids.

    Args:
        size: Height and width of the images, in pixels.
        crop_size: Those of a training crop.
        batch_size: Images a batch.
        repeats: Timed batches, after two that warm up.

    Returns:
        A dict with "files", "memory" and "decoding" (files, decoded whole and not
        augmented), each a dict of "images_per_second" and "cpu" (milliseconds an
        image, of all threads); and "bytes", the mean size of an image's file.

    Raises:
        UserError: There is no room for the files.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            examples = _write(pathlib.Path(folder), size)
        except OSError as error:
            raise UserError(
                f"TMPDIR: cannot write the images to '{folder}' ({error.strerror}); "
                "expected a folder with some free space."
            ) from None
        sizes = [example.image.stat().st_size for example in examples]
        return {
            **_timed(examples, crop_size, batch_size, repeats),
            "bytes": sum(sizes) / len(sizes),
        }


def _write(folder, size):
    examples = []
    for number in range(_NUM_IMAGES):
        image, label = draw.draw(number, 0, *size)
        example = Example(folder / f"{number}.png", folder / f"{number}_mask.png")
        Image.fromarray(image).save(example.image)
        Image.fromarray(label).save(example.mask)
        examples.append(example)
    return examples


def _timed(examples, crop_size, batch_size, repeats):
    reader = FileReader(examples, dataset_info.SCENES.labels)
    bad_samples = BadSamples(len(examples))
    files = ReaderSource(reader, bad_samples)
    memory = MemorySource(*in_memory.load(reader, bad_samples))
    augmentation = views.Augmentation(crop_size, _SCALES, True, _MEAN_COLOUR)

    def stream(source):
        return batching.stream(source, batch_size, (0, 0), 0, augmentation)

    datasets = {
        "files": stream(files),
        "memory": stream(memory),
        "decoding": batching.evaluation(files, batch_size).repeat(),
    }
    return {
        name: _speed(dataset, batch_size, repeats) for name, dataset in datasets.items()
    }


def _speed(dataset, batch_size, repeats):
    batches = iter(dataset)
    # The first ones are made while nobody waits.
    next(batches), next(batches)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        next(batches)
    images = repeats * batch_size
    return {
        "images_per_second": images / (time.perf_counter() - wall),
        "cpu": 1000 * (time.process_time() - cpu) / images,
    }
