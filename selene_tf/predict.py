"""Label maps of images: python -m selene_tf.predict --model=... --input=... .

Takes images of any size, and writes to --output:

- labels/NAME.png: 8-bit grey, a class id a pixel. Ids are small numbers, so these look
  black; overlay/ is what to look at;
- overlay/NAME.png: the image with the classes' colours over it;
- classes.json, at the end: each class's share of each image, names and colours of
  the classes, and the speed.

NAME is the image's path below --input. Of a video the overlay is overlay.mp4 and the
shares are those of each frame.
"""

import pathlib
import warnings

from absl import flags
from PIL import Image

from selene_tf.cli import command, progress
from selene_tf.errors import UserError
from selene_tf.inference import (
    image_prediction,
    input_images,
    output_files,
    predict_image,
    video_files,
    video_prediction,
)


def define_flags():
    """Makes the command's flags; returns their names."""
    flags.DEFINE_string("model", "", "Run or SavedModel folder, .tflite or .onnx file.")
    flags.DEFINE_string(
        "input",
        "",
        "Image; folder, of which all images in it and below are taken; list "
        "NAME.txt of an image a line; or video.",
    )
    flags.DEFINE_string("output", "", "New or empty folder for the results.")
    flags.DEFINE_enum(
        "fit",
        "auto",
        predict_image.MODES,
        "How an image goes through the network: whole, as it is; resize, in "
        "--tile_size and back; sliding, in windows of --tile_size; auto: sliding with "
        "--tile_size; else resize if the network was trained on resized images, "
        "whole if it takes any size, and sliding if not.",
    )
    flags.DEFINE_string(
        "tile_size", "", "Height,width for resize and sliding; the network's own."
    )
    flags.DEFINE_float(
        "overlap", 0.25, "Share of a window that the next one sees again, below 1."
    )
    flags.DEFINE_float("opacity", 0.5, "Share of the colours in an overlay, 0 to 1.")
    flags.DEFINE_bool("overlays", True, "Write overlays.")
    flags.DEFINE_bool(
        "labels", None, "Write label maps; by default of images, not of videos."
    )
    flags.DEFINE_enum(
        "on_bad_sample",
        "error",
        ["error", "skip"],
        "What to do about an image that cannot be read: stop, or leave it out.",
    )
    return [
        *("model", "input", "output", "fit", "tile_size", "overlap", "opacity"),
        *("overlays", "labels", "on_bad_sample"),
    ]


def main():
    values = flags.FLAGS
    if not values.model:
        raise UserError(
            "--model: found nothing, expected a run folder, a SavedModel folder or a "
            ".tflite file."
        )
    # Large images are expected here; the largest are refused in any case.
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    size = command.parse_size("tile_size", values.tile_size, optional=True)
    predict_image.check_values(values.fit, size, values.overlap)
    inputs = input_images.find(values.input)
    is_video = input_images.is_video(values.input)
    if is_video:
        video_files.check_installed()
    output = _output(values, not is_video)
    with command.suppress_startup_logs():
        from selene_tf.inference import loading

    model = loading.load(values.model)
    mode = predict_image.choose_mode(model, values.fit, size, values.overlap)
    write = _write_video if is_video else _write_images
    content = write(model, inputs, output, mode)
    if inputs.others:
        what = "files {} are no images" if inputs.others > 1 else "file {} is no image"
        command.say(f"note: {inputs.others} other {what.format(f'in {values.input}')}")
    command.say(output_files.summary(content, output.folder))


def _write_images(model, inputs, output, mode):
    skip = flags.FLAGS.on_bad_sample == "skip"
    with progress.bar("predicting") as show:
        return image_prediction.write(model, inputs.images, output, mode, skip, show)


def _write_video(model, inputs, output, mode):
    with progress.bar("predicting", "frame") as show:
        return video_prediction.write(model, inputs.images[0].path, output, mode, show)


def _output(values, labels_by_default):
    if not values.output:
        raise UserError("--output: found nothing, expected a new folder.")
    labels = labels_by_default if values.labels is None else values.labels
    output = output_files.Output(
        pathlib.Path(values.output), labels, values.overlays, values.opacity
    )
    output.check(values.input)
    return output


if __name__ == "__main__":
    command.run(main, define_flags())
