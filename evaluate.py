"""Scores a run's network or an exported one: python evaluate.py --run_dir=... ."""

from absl import flags

from selene_tf.cli import command
from selene_tf.errors import UserError

# What changes a run's own network means nothing for one that was exported.
_OF_RUNS = (
    *("network", "path", "gates", "statistics_batches", "conditional", "protocol"),
)
_OF_SCORES = ("boundary_tolerance", "save_predictions")
_OF_MODELS = ("fit", "tile_size", "threads", "trust_model")


def main():
    with command.suppress_startup_logs():
        from selene_tf.experiment import RunOptions
        from selene_tf.inference import run, score_text, scoring

    values = flags.FLAGS
    if values.model and not values.run_dir and run.is_run(values.model):
        values.run_dir, values.model = values.model, ""
    options = RunOptions.from_flags(values)
    chosen = {name: values[name].value for name in _OF_SCORES}
    if values.model:
        _refuse_given(_OF_RUNS, "without --model")
        size = command.parse_size("tile_size", values.tile_size, optional=True)
        result = scoring.evaluate_model(
            values.model,
            options,
            values.fit,
            size,
            num_threads=values.threads or None,
            trust=values.trust_model,
            **chosen,
        )
    else:
        _refuse_given(_OF_MODELS, "with --model")
        result = scoring.evaluate_run(options, values.conditional, **chosen)
    command.say(score_text.table(result))


def _refuse_given(names, expected):
    for name in names:
        value = flags.FLAGS[name].value
        if value != flags.FLAGS[name].default:
            raise UserError(f"--{name}: found '{value}', expected it only {expected}.")


def _define_flags():
    names = command.define_run_flags() + command.define_pruning_flags("none", "keep")
    flags.DEFINE_enum(
        "split",
        "val",
        ["val", "train", "unlabelled"],
        "Validation images, labelled training images, or the unlabelled ones with the "
        "masks that the data set has of them; no training reads those.",
    )
    flags.DEFINE_string(
        "model",
        "",
        "Score this in place of the run's network: a SavedModel, a .tflite or .onnx "
        "file, another run's folder.",
    )
    flags.DEFINE_bool(
        "conditional",
        False,
        "Leave out the cells and routes that an image closed; one image at a time.",
    )
    flags.DEFINE_enum(
        "fit",
        "auto",
        ["auto", "whole", "resize", "sliding"],
        "With --model, for images of another size than it takes; auto as in predict.",
    )
    flags.DEFINE_string("tile_size", "", "Height,width of a window, in pixels.")
    flags.DEFINE_integer(
        "threads",
        0,
        "With --model, threads that a .tflite file runs on; 0: LiteRT's choice.",
        lower_bound=0,
    )
    command.define_trust_flag()
    own = ("split", "model", "conditional", "protocol")
    return [*names, *own, *_OF_MODELS, *_define_score_flags()]


def _define_score_flags():
    flags.DEFINE_string(
        "protocol",
        "",
        "How images are shown to the run's network, as in train.py: whole, voc, "
        "centre_pad:SIZE, sliding:SIZE:STRIDE, with +flip and +scales:0.5/1/1.5 "
        "behind it; empty: as the run did.",
    )
    flags.DEFINE_integer(
        "boundary_tolerance",
        2,
        "Distance in pixels within which a predicted boundary of a class is right; 0: "
        "no boundary F-scores.",
        lower_bound=0,
        upper_bound=100,
    )
    flags.DEFINE_string(
        "save_predictions",
        "",
        "New folder for the predicted label maps, PNG files with the values of the "
        "data set's own masks, as its test server takes them.",
    )
    return list(_OF_SCORES)


if __name__ == "__main__":
    command.run(main, _define_flags())
