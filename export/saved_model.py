"""Writes a run's network as SavedModel: python -m export.saved_model ... .

The network is pruned to its path; --path=none leaves it whole. With --gates=fold gates
become constants and go, with normalisation, into the convolutions.
"""

from absl import flags

from selene_tf.cli import command
from selene_tf.export import command_line


def main():
    options = command_line.options()
    from selene_tf.export import exporter

    values = flags.FLAGS
    result = exporter.to_saved_model(
        options,
        values.output,
        version=values.version,
        outputs=command_line.outputs(values.outputs, values.scores),
    )
    command_line.say(result)


if __name__ == "__main__":
    names = command_line.define_flags("any")
    flags.DEFINE_integer(
        "version", 1, "Number of the folder in --output that it goes to.", lower_bound=1
    )
    flags.DEFINE_string(
        "outputs",
        "",
        "What it gives: labels, and logits or probabilities, such as labels (small "
        "answers of a server) or labels,probabilities; or all; empty: labels,logits.",
    )
    flags.DEFINE_enum(
        "scores",
        "",
        ["", "logits", "probabilities"],
        "The same as --outputs=labels,SCORES.",
    )
    command.run(main, [*names, "version", "outputs", "scores"])
