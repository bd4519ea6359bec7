"""Scores the network of a run: python evaluate.py --run_dir=... ."""

from absl import flags

from selene_tf import command


def main():
    with command.quiet_start():
        from selene_tf import run_evaluation

    result = run_evaluation.evaluate_run(
        flags.FLAGS.run_dir,
        flags.FLAGS.split,
        flags.FLAGS.network,
        flags.FLAGS.model,
        flags.FLAGS.data_dir,
        flags.FLAGS.conditional,
    )
    command.say(run_evaluation.table(result))


if __name__ == "__main__":
    names = command.define_run_flags()
    flags.DEFINE_enum(
        "split", "val", ["val", "train"], "Validation or labelled training pictures."
    )
    flags.DEFINE_string(
        "model", "", "SavedModel folder to score in place of the run's network."
    )
    flags.DEFINE_bool(
        "conditional",
        False,
        "Leave out the cells and routes that a picture closed; one picture at a time.",
    )
    command.run(main, [*names, "split", "model", "conditional"])
