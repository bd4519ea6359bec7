"""What a finished training leaves behind beside its summary: path, images, curves."""

import pathlib

from selene_tf.evaluation import image_scores
from selene_tf.evaluation import summary as results
from selene_tf.experiment import architecture, gates
from selene_tf.experiment.datasets import dataset_info
from selene_tf.experiment.saved_run import bootstrap_block
from selene_tf.reports import training_curve
from selene_tf.training import run_folder


def write_results(config, start, data, network, predict, result):  # noqa: PLR0913
    """Writes the files of a finished run: all but summary.json and the report.

    Args:
        config: The run's `Config`.
        start: Its `InitialState`.
        data: Its `Sources`.
        network: The deployed network.
        predict: As `evaluate.predictor` returns it for that.
        result: Its `Evaluation` on the validation images.
    """
    info, run_dir = dataset_info(config), pathlib.Path(config.run_dir)
    image_scores.write(run_dir / "image_scores.npz", result, bootstrap_block(config))
    # The path is that of whole images, however they are scored.
    is_whole = config.protocol == "whole"
    opened, sizes = gates.collect(
        network,
        (data.labelled, data.unlabelled),
        predict=predict if is_whole else None,
    )
    if opened is not None:
        built = architecture.architecture_of(config, start.path)
        results.write_path(run_dir, opened, sizes[0], built, config.path_threshold)
    results.write_predictions(
        run_dir, predict, data.validation, info.colours, config.num_predictions
    )
    if config.write_report:
        results.write_examples(run_dir, predict, data.validation, info, result)
    training_curve.draw(
        run_folder.read_json_lines(run_dir / "log.jsonl"), run_dir / "curve.png"
    )
