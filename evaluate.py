"""Scores the network of a run: python evaluate.py --run_dir=... ."""

from absl import flags

from selene_tf import command

flags.DEFINE_string("run_dir", "", "Folder of the run, as train.py wrote it.")
flags.DEFINE_enum(
    "split", "val", ["val", "train"], "Validation or labelled training pictures."
)
flags.DEFINE_enum(
    "network",
    "deployed",
    ["deployed", "student", "teacher"],
    "Network of the run; deployed is the one that --deploy chose.",
)
flags.DEFINE_string(
    "model", "", "SavedModel folder to score in place of the run's network."
)
flags.DEFINE_string(
    "data_dir", "", "Folder of the data set, if it is no longer where the run found it."
)


def main():
    with command.quiet_start():
        from selene_tf import run_evaluation

    result = run_evaluation.evaluate_run(
        flags.FLAGS.run_dir,
        flags.FLAGS.split,
        flags.FLAGS.network,
        flags.FLAGS.model,
        flags.FLAGS.data_dir,
    )
    command.say(run_evaluation.table(result))


if __name__ == "__main__":
    command.run(main, ["run_dir", "split", "network", "model", "data_dir"])
