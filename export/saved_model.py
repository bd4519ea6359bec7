"""Writes a run's network as SavedModel: python -m export.saved_model ... .

The network is pruned to its path; --path=none leaves it whole. With --gates=fold gates
become constants and go, with normalisation, into the convolutions.
"""

from absl import flags

from selene_tf import export_command
from selene_tf.cli import command


def main():
    choice = export_command.choice()
    from selene_tf import exporting

    values = flags.FLAGS
    result = exporting.to_saved_model(
        choice, values.output, version=values.version, scores=values.scores
    )
    export_command.say(result)


if __name__ == "__main__":
    names = export_command.define_flags("any")
    flags.DEFINE_integer(
        "version", 1, "Number of the folder in --output that it goes to.", lower_bound=1
    )
    flags.DEFINE_enum(
        "scores", "logits", ["logits", "probabilities"], "What goes out beside labels."
    )
    command.run(main, [*names, "version", "scores"])
