"""Label maps of images: python -m selene_tf.predict --model=... --input=... .

Writes to --output labels/NAME.png, 8-bit grey, a class id a pixel (small numbers, so
they look black), overlay/NAME.png (of a video overlay.mp4), and classes.json with each
class's share of each image or frame. NAME is the image's path below --input.
"""

import pathlib

from absl import flags

from selene_tf.cli import command
from selene_tf.errors import UserError
from selene_tf.inference import output_files, predict_files, predict_image


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
        "About images that cannot be read: status 1 in the end, or none; others are "
        "written.",
    )
    flags.DEFINE_enum("exif", "apply", ["apply", "refuse"], "Images stored turned.")
    command.define_trust_flag()
    return [
        *("model", "input", "output", "fit", "tile_size", "overlap", "opacity"),
        *("overlays", "labels", "on_bad_sample", "exif", "trust_model"),
    ]


def main():
    values = flags.FLAGS
    if not values.model:
        raise UserError("--model: found nothing, expected a run or an exported model.")
    content, notes = predict_files.predict_files(
        values.model,
        values.input,
        values.output,
        fit=values.fit,
        tile_size=command.parse_size("tile_size", values.tile_size, optional=True),
        overlap=values.overlap,
        opacity=values.opacity,
        overlays=values.overlays,
        labels=values.labels,
        exif=values.exif,
        trust=values.trust_model,
    )
    summary = output_files.summary(content, pathlib.Path(values.output))
    command.say("\n".join([*notes, summary]))
    if values.on_bad_sample == "error" and (error := predict_files.unreadable(content)):
        raise error


if __name__ == "__main__":
    command.run(main, define_flags())
