"""Writes a run's network as SavedModel: python -m export.saved_model ... ."""

from absl import flags

from selene_tf import command

flags.DEFINE_string("run_dir", "", "Folder of the run, as train.py wrote it.")
flags.DEFINE_string("output", "", "Folder of the SavedModel; must not exist.")
flags.DEFINE_enum(
    "network",
    "deployed",
    ["deployed", "student", "teacher"],
    "Network of the run; deployed is the one that --deploy chose.",
)
flags.DEFINE_string(
    "data_dir", "", "Folder of the data set, if it is no longer where the run found it."
)


def main():
    with command.quiet_start():
        from selene_tf import run_evaluation

    result = run_evaluation.export_run(
        flags.FLAGS.run_dir,
        flags.FLAGS.output,
        flags.FLAGS.network,
        flags.FLAGS.data_dir,
    )
    command.say(
        f"wrote {flags.FLAGS.output}; on {result['images']} pictures its logits differ "
        f"by at most {result['max_logit_difference']:.1e} and "
        f"{result['label_agreement']:.4%} of its labels agree with the network's"
    )


if __name__ == "__main__":
    command.run(main, ["run_dir", "output", "network", "data_dir"])
