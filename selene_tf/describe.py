"""Says what a network is: python -m selene_tf.describe --architecture=FILE .

Of an architecture's file (or --run_dir, a run) it prints parameters, MACs, the size of
the output and the operations by kind. Of an exported --model it prints the model card:
classes, scores, costs, inputs and outputs, licence. --json prints the same as JSON. No
network is run.
"""

import json

from absl import flags

from selene_tf.cli import command
from selene_tf.errors import UserError


def define_flags():
    """Makes the command's flags; returns their names."""
    flags.DEFINE_bool("json", False, "Print JSON.")
    flags.DEFINE_string("model", "", "SavedModel folder, .tflite or .onnx file.")
    flags.DEFINE_string("architecture", "", "JSON file of a searched architecture.")
    flags.DEFINE_string("run_dir", "", "Folder of a run.")
    flags.DEFINE_integer(
        "num_classes", 11, "With --architecture, number of classes.", lower_bound=1
    )
    flags.DEFINE_string("size", "360,480", "Height,width of the image, for the MACs.")
    return ["json", "model", "architecture", "run_dir", "num_classes", "size"]


def main():
    values = flags.FLAGS
    given = [n for n in ("model", "architecture", "run_dir") if values[n].value]
    if len(given) != 1:
        raise UserError(
            f"--model: found {' and '.join(given) or 'nothing'}, expected one of "
            "--model (an exported model), --architecture (a file), --run_dir (a run)."
        )
    size = command.parse_size("size", values.size)
    if values.model:
        from selene_tf.inference import description

        texts = description.read(values.model)
        command.say(texts["metadata.json" if values.json else "MODEL_CARD.md"].rstrip())
        return
    content = _summary(values, size)
    command.say(json.dumps(content, indent=2) if values.json else _table(content))


def _summary(values, size):
    from selene_tf.architectures import architecture_file, summary

    if values.architecture:
        architecture = architecture_file.read(values.architecture, values.num_classes)
        return summary.summarize(architecture, *size)
    with command.suppress_startup_logs():
        from selene_tf.experiment.saved_run import architecture_of_run

    return summary.summarize(architecture_of_run(values.run_dir), *size)


def _table(content):
    macs = (
        f"{content['macs'] / 1e6:,.1f} MMACs at {'x'.join(map(str, content['size']))}"
    )
    parameters = f"{content['parameters']:,} parameters"
    if content["parameters_with_auxiliary"] != content["parameters"]:
        parameters += (
            f" ({content['parameters_with_auxiliary']:,} with what only learns)"
        )
    lines = [
        f"{content['kind']}: {parameters}, {macs}, output "
        f"{'x'.join(map(str, content['output_size']))}",
    ]
    if content["operations"]:
        lines.append("number  operation")
    lines += [f"{number:6}  {name}" for name, number in content["operations"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    command.run(main, define_flags())
