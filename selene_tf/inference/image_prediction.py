"""Predicting many images; the next are read and the last written meanwhile."""

import collections
import concurrent.futures
import functools
import sys

from selene_tf.errors import UserError
from selene_tf.inference import input_images, output_files, predict_image

# Threads that read and write beside the network, and images that wait for each:
# large ones have to fit into the memory.
_THREADS = 2
_WAITING = 2


def write(model, inputs, output, mode, skip=False, show=None):
    """Writes label maps, overlays and class shares of images.

    Below the output's folder these are labels/NAME.png, 8-bit grey, of class ids;
    overlay/NAME.png; and at last classes.json.

    Args:
        model: A `SegmentationModel`.
        inputs: `InputImage`s, one or more.
        output: An `Output`.
        mode: An `InferenceMode`.
        skip: Whether to leave out images that cannot be read, in place of stopping
            at the first. Without it all files' beginnings are looked at first.
        show: Function of (done, total), called after each image; or None.

    Returns:
        The content of classes.json: "model", "class_names", "colours", "fit",
        "tile_size", "images", {name: {"size": [height, width], "shares": {class:
        share}}}, "left_out", [{"name", "reason"}], "images_per_second" and
        "network_images_per_second".

    Raises:
        UserError: An image cannot be read, or none; or nothing can be written.
    """
    if not skip:
        for image in inputs:
            input_images.look(image)
    output.make()
    results, left_out, clock = {}, [], output_files.Clock()
    with concurrent.futures.ThreadPoolExecutor(_THREADS) as pool:
        read = _ahead(pool, functools.partial(_read, skip), inputs)
        predicted = _predicted(model, mode, _readable(read, left_out), clock)
        store = functools.partial(_store, model, output)
        for name, metadata in _ahead(pool, store, predicted):
            results[name] = metadata
            if show:
                show(len(results) + len(left_out), len(inputs))
    if not results:
        raise UserError(
            f"--input: none of {len(inputs)} images could be read; the last: "
            f"{left_out[-1]['reason']}"
        )
    content = {
        **output_files.metadata(model, mode),
        "images": results,
        "left_out": left_out,
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


def _read(skip, image):
    """The image's name and its pixels, or the reason why there are none."""
    try:
        return image.name, input_images.read(image), ""
    except UserError as error:
        if not skip:
            raise
        return image.name, None, str(error)


def _readable(read, left_out):
    """Names and pixels; what has none is added to `left_out`."""
    for name, pixels, reason in read:
        if not reason:
            yield name, pixels
            continue
        left_out.append({"name": name, "reason": reason})
        # Names of files may be bytes of no encoding.
        line = f"left out: {reason}".encode(errors="backslashreplace").decode()
        print(line, file=sys.stderr)  # noqa: T201


def _predicted(model, mode, readable, clock):
    for name, pixels in readable:
        labels = clock.network(predict_image.label_map, model, pixels, mode)
        yield name, pixels, labels


def _store(model, output, predicted):
    name, pixels, labels = predicted
    output.write_labels(name, labels)
    output.write_overlay(name, pixels, labels, model.colours)
    shares = output_files.shares(labels, len(model.class_names))
    shares = dict(zip(model.class_names, shares, strict=True))
    return name, {"size": list(labels.shape), "shares": shares}
