"""Searches and trains a segmentation network: python train.py --flagfile=... ."""

import dataclasses

from absl import flags

from selene_tf.cli import command, flagfile
from selene_tf.config import Config


def main():
    # Imported here: --help and mistakes in the flags need not wait for TensorFlow.
    config = flagfile.from_flags()
    with command.suppress_startup_logs():
        from selene_tf import experiment

    summary = experiment.train(config)
    macs = summary["macs"]
    command.say(
        f"step {summary['step']}: mIoU {summary['mean_iou']:.4f} "
        f"(best {summary['best_mean_iou']:.4f}), {macs['mean'] / 1e6:,.0f} of "
        f"{macs['supernet'] / 1e6:,.0f} MMACs an image, "
        f"{summary['parameters']:,} parameters, {summary['seconds']:.0f} s; "
        f"see {flags.FLAGS.run_dir}"
    )


if __name__ == "__main__":
    flagfile.define_flags()
    command.run(main, [field.name for field in dataclasses.fields(Config)])
