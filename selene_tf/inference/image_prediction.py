"""Predicting many images; the next are read and the last written meanwhile."""

import collections
import concurrent.futures
import functools

from selene_tf.data.files import image_files
from selene_tf.errors import UserError
from selene_tf.inference import (
    input_images,
    large_images,
    output_files,
    predict_image,
)

# Threads that read and write beside the network, and images that wait for each:
# large ones have to fit into the memory.
_THREADS = 2
_WAITING = 2


def write(model, inputs, output, mode, exif="apply", show=None):
    """Writes label maps, overlays and class shares of images.

    Below the output's folder these are labels/NAME.png, 8-bit grey, of class ids;
    overlay/NAME.png; and at last classes.json.

    Args:
        model: A `SegmentationModel`.
        inputs: `InputImage`s, one or more.
        output: An `Output`.
        mode: An `InferenceMode`.
        exif: What is done about images that are stored turned, see
            `input_images.read`.
        show: Function of (done, total), called after each image; or None.

    Returns:
        The content of classes.json: "model", "class_names", "colours", "label_values",
        "fit", "tile_size", "images", {name: {"size": [height, width], "shares": {class:
        share}}}, of a large image its own "fit" too, "left_out", [{"name", "reason"}]
        of images that cannot be read or are too large, "turned", how many were turned
        upright, "images_per_second" and "network_images_per_second".

    Raises:
        UserError: No image can be predicted, or nothing can be written.
    """
    output.make()
    results, left_out, clock = {}, [], output_files.Clock()
    turned = []
    with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
        check = functools.partial(_check_fits, model, mode, exif)
        read = _ahead(pool, functools.partial(_read, exif, turned, check), inputs)
        leave_out = functools.partial(_leave_out, left_out, len(inputs))
        readable = _readable(read, leave_out)
        predicted = _predicted(model, mode, readable, clock, leave_out)
        store = functools.partial(_store, model, output)
        for name, metadata in _ahead(pool, store, predicted):
            results[name] = metadata
            if show:
                show(len(results) + len(left_out), len(inputs))
    if not results:
        raise UserError(
            f"--input: none of {len(inputs)} images could be predicted; the last: "
            f"{left_out[-1]['reason']}"
        )
    content = {
        **output_files.metadata(model, mode, output.values),
        "images": results,
        "left_out": left_out,
        "turned": len(turned),
        **clock.rates(len(results)),
    }
    output.write_json(content)
    return content


def _ahead(pool, function, items):
    """Results of a function in the order of its items, some of them begun early."""
    begun = collections.deque()
    for item in items:
        begun.append(pool.submit(function, item))
        if len(begun) > _WAITING:
            yield begun.popleft().result()
    while begun:
        yield begun.popleft().result()


def _check_fits(model, mode, exif, image):
    """Refuses what is too large before it is decoded, which takes memory too."""
    try:
        predict_image.check_fits(model, input_images.look(image, exif), mode)
    except predict_image.NotEnoughMemory as error:
        raise UserError(f"{image.path}: {error}") from None


def _read(exif, turned, check, image):
    """The image's name and its pixels, or the reason why there are none.

    Names of images that were turned are added to `turned`.
    """
    try:
        check(image)
        pixels = input_images.read(image, exif)
    except UserError as error:
        return image.name, None, str(error)
    if image_files.read_orientation(image.path) != 1:
        turned.append(image.name)
    return image.name, pixels, ""


def _readable(read, leave_out):
    """Names and pixels of those that can be read."""
    for name, pixels, reason in read:
        if reason:
            leave_out(name, reason)
        else:
            yield name, pixels


def _leave_out(left_out, count, name, reason):
    """Adds to `left_out` what is not predicted, and tells of it."""
    left_out.append({"name": name, "reason": reason})
    # Of a single image the error will tell.
    if count > 1:
        large_images.say(f"left out: {reason}")


def _predicted(model, mode, readable, clock, leave_out):
    for name, pixels in readable:
        size = pixels.shape[:2]
        own = predict_image.mode_of_image(model, size, mode)
        try:
            with large_images.told(name, model, size, own) as show:
                labels = clock.network(
                    predict_image.label_map, model, pixels, own, show
                )
        except predict_image.NotEnoughMemory as error:
            leave_out(name, f"{name}: {error}")
            continue
        # What differs from the others, as of a large image.
        fit = {} if own.mode == mode.mode else output_files.fit(own)
        yield name, pixels, labels, fit


def _store(model, output, predicted):
    name, pixels, labels, fit = predicted
    output.write_labels(name, labels)
    output.write_overlay(name, pixels, labels, model.colours)
    shares = output_files.shares(labels, len(model.class_names))
    shares = dict(zip(model.class_names, shares, strict=True))
    return name, {"size": list(labels.shape), **fit, "shares": shares}
