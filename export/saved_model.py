"""Writes a run's network as SavedModel: python -m export.saved_model ... ."""

from absl import flags

from selene_tf import command


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
        f"by at most {result['max_logit_difference']:.1e} of the largest and "
        f"{result['label_agreement']:.4%} of its labels agree with the network's"
    )


if __name__ == "__main__":
    names = command.define_run_flags()
    flags.DEFINE_string("output", "", "Folder of the SavedModel; must not exist.")
    command.run(main, [*names, "output"])
