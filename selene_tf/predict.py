"""Label maps of images: python -m selene_tf.predict --model=... --input=... .

Writes to --output labels/NAME.png, 8-bit grey, a class id a pixel (small numbers, so
they look black; --ids=dataset: as the masks of the data set), overlay/NAME.png (of a
video overlay.mp4), and classes.json with each class's share of each image or frame.
NAME is the image's path below --input.
"""

import pathlib

from absl import flags

from selene_tf.cli import command
from selene_tf.errors import UserError
from selene_tf.inference import command_line, output_files, predict_files


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
        ids=values.ids,
        max_megapixels=values.max_megapixels,
        trust=values.trust_model,
    )
    summary = output_files.summary(content, pathlib.Path(values.output))
    command.say("\n".join([*notes, summary]))
    if values.on_bad_sample == "error" and (error := predict_files.unreadable(content)):
        raise error


if __name__ == "__main__":
    command.run(main, command_line.define_flags())
