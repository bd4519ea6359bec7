"""What a run's folder remembers of its exports, for the report."""

import pathlib

from selene_tf.inference import loading, output_files, processor, timing
from selene_tf.training import run_folder


def append(run_dir, output, kind, prepared, check, quantization="none"):
    """Adds a line to exports.jsonl: what was written, how it agrees, how long it takes.

    Args:
        run_dir: The run's folder; of one that cannot be written to there is a note.
        output: What was written.
        kind: "saved_model", "tflite" or "onnx".
        prepared: The `PreparedExport` that it was written from.
        check: What the comparison gave.
        quantization: Of a TFLite file.
    """
    path = pathlib.Path(output)
    model = loading.load(str(path))
    images = [image[None] for image, _ in prepared.examples[: timing.IMAGES]]
    entry = {
        "file": path.name,
        "format": kind,
        "quantization": quantization,
        "bytes": output_files.size_of(path),
        "check": check,
        **timing.of_calls(lambda image: model.labels(image), images),
        "timed_on": processor.describe(None),
    }
    folder = pathlib.Path(run_dir)
    with run_folder.noted_errors(folder, "its report will not show this export"):
        run_folder.append_json_line(folder / "exports.jsonl", entry)
