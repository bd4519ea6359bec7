"""Prints what an export says of itself: python -m selene_tf.describe --model=FILE .

That is its model card: classes, scores, costs, inputs and outputs, licence. --json
prints the metadata instead. The network is not run.
"""

from absl import flags

from selene_tf.cli import command
from selene_tf.errors import UserError
from selene_tf.inference import description


def define_flags():
    """Makes the command's flags; returns their names."""
    flags.DEFINE_bool("json", False, "Print the metadata as JSON.")
    flags.DEFINE_string("model", "", "SavedModel folder, .tflite or .onnx file.")
    return ["json", "model"]


def main():
    values = flags.FLAGS
    if not values.model:
        raise UserError("--model: found nothing, expected an exported model.")
    texts = description.read(values.model)
    command.say(texts["metadata.json" if values.json else "MODEL_CARD.md"].rstrip())


if __name__ == "__main__":
    command.run(main, define_flags())
