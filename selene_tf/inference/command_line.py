"""Flags of the command that predicts."""

from absl import flags

from selene_tf.cli import command
from selene_tf.inference import predict_image


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
    flags.DEFINE_enum(
        "ids",
        "classes",
        ["classes", "dataset"],
        "Values of label maps: class ids from 0 on; or those of the data set's masks, "
        "such as Cityscapes' labelIds, Pascal VOC's palette, or a label_map's values.",
    )
    flags.DEFINE_float(
        "max_megapixels",
        179.0,
        "Images of more million pixels are refused, since they would fill the memory.",
        lower_bound=0.0,
    )
    command.define_trust_flag()
    return [
        *("model", "input", "output", "fit", "tile_size", "overlap", "opacity"),
        *("overlays", "labels", "on_bad_sample", "exif", "ids", "max_megapixels"),
        "trust_model",
    ]
