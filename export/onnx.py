"""Writes a run's network as ONNX file: python -m export.onnx ... ."""

from absl import flags

from selene_tf.cli import command
from selene_tf.export import command_line


def main():
    options = command_line.options()
    from selene_tf.export import exporter

    command_line.say(exporter.to_onnx(options, flags.FLAGS.output))


if __name__ == "__main__":
    command.run(main, command_line.define_flags("any"))
