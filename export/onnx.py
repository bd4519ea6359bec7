"""Writes a run's network as ONNX file: python -m export.onnx ... ."""

from absl import flags

from selene_tf import export_command
from selene_tf.cli import command


def main():
    choice = export_command.choice()
    from selene_tf import exporting

    export_command.say(exporting.to_onnx(choice, flags.FLAGS.output))


if __name__ == "__main__":
    command.run(main, export_command.define_flags("any"))
