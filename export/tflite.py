"""Writes a run's network for LiteRT: python -m export.tflite ... .

As export.saved_model does, for images of one size, in 32, 16 or 8 bits. Gates are
folded unless --gates=keep: LiteRT computes them slowly.
"""

from absl import flags

from selene_tf.cli import command
from selene_tf.export import command_line


def main():
    options = command_line.options()
    from selene_tf.export import exporter

    values = flags.FLAGS
    result = exporter.to_tflite(
        options,
        values.output,
        quantization=values.quantization,
        num_calibration=values.calibration_images,
    )
    command_line.say(result)


if __name__ == "__main__":
    names = command_line.define_flags("that of the split's first image", "auto")
    flags.DEFINE_enum(
        "quantization",
        "none",
        ["none", "float16", "dynamic", "int8"],
        "Weights in 32 bits, in 16, in 8; or weights and features in 8.",
    )
    flags.DEFINE_integer(
        "calibration_images",
        64,
        "For int8: at most so many labelled training images show its ranges.",
        lower_bound=0,
    )
    # What it was called before.
    flags.DEFINE_alias("calibration_pictures", "calibration_images")
    command.run(main, [*names, "quantization", "calibration_images"])
