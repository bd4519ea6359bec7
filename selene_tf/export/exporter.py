"""Exporting a run: from its folder to a file for a device."""

from selene_tf import experiment
from selene_tf.errors import UserError
from selene_tf.export import (
    equalization,
    export_record,
    onnx,
    preparation,
    sample_images,
    saved_model,
    tflite,
)


def to_saved_model(
    options, output, *, version=1, outputs=("labels", "logits"), scores=""
):
    """Exports a run's network as SavedModel; see `saved_model.export`.

    Args:
        options: An `ExportOptions`; without a size the SavedModel takes images of any.
        output: Folder to write to.
        version: Number of the folder inside.
        outputs: What it gives, some of `saved_model.OUTPUTS`.
        scores: An earlier name for a part of it: the same as ("labels", scores).

    Returns:
        {"networks": scores of the network, its path and its folded form by name,
        "check": the comparison}.

    Raises:
        UserError: for whatever is wrong with the run, its images or the output, or
            if the export differs from the network.
    """
    saved_model.check_output(output, version)
    prepared = preparation.prepare(options, options.size)
    check = saved_model.export(
        prepared.network,
        output,
        prepared.examples,
        prepared.metadata,
        version=version,
        size=options.size,
        outputs=("labels", scores) if scores else outputs,
    )
    export_record.append(options.run_dir, output, "saved_model", prepared, check)
    return {"networks": prepared.rows, "check": check}


def to_tflite(options, output, *, quantization="none", num_calibration=64):
    """Exports a run's network for LiteRT; see `tflite.export`.

    Args:
        options: An `ExportOptions`; without a size it is that of the split's first
            image.
        output: File to write.
        quantization: "none", "float16", "dynamic" or "int8".
        num_calibration: For int8, at most so many labelled training images show
            how large its numbers become.

    Returns:
        As `to_saved_model` does.

    Raises:
        UserError: likewise.
    """
    tflite.check_output(output)
    if quantization == "int8" and num_calibration < 1:
        raise UserError(
            "--calibration_images: found 0 with --quantization=int8, which needs "
            "images to calibrate on; expected 1 or more."
        )
    prepared = preparation.prepare(options, options.size or "first")
    calibration = ()
    if quantization == "int8":
        calibration = _calibration_images(options, num_calibration, prepared.size)
        if prepared.gates == "fold":
            equalization.equalize_channels(prepared.network, calibration)
    check = tflite.export(
        prepared.network,
        output,
        prepared.examples,
        prepared.metadata,
        quantization=quantization,
        size=prepared.size,
        calibration=calibration,
    )
    export_record.append(
        options.run_dir, output, "tflite", prepared, check, quantization
    )
    return {"networks": prepared.rows, "check": check}


def to_onnx(options, output):
    """Exports a run's network as ONNX; see `onnx.export`.

    Args:
        options: An `ExportOptions`; without a size the file takes images of any.
        output: File to write.

    Returns:
        As `to_saved_model` does.

    Raises:
        UserError: likewise.
    """
    onnx.check_output(output)
    prepared = preparation.prepare(options, options.size)
    check = onnx.export(
        prepared.network,
        output,
        prepared.examples,
        prepared.metadata,
        size=options.size,
    )
    export_record.append(options.run_dir, output, "onnx", prepared, check)
    return {"networks": prepared.rows, "check": check}


def table(rows):
    """The scored networks as text, a line each."""
    width = max(len(name) for name in rows)
    return "\n".join(
        f"{name:{width}}  mIoU {row['mean_iou']:.4f}, {row['macs'] / 1e6:,.1f} MMACs, "
        f"{row['parameters']:,} parameters{' (exported)' if row['exported'] else ''}"
        for name, row in rows.items()
    )


def _calibration_images(options, count, size):
    """Labelled training images, which ranges of int8 are found on."""
    source = experiment.load_split(options.run_dir, "train", options.data_dir)
    return [image for image, _ in sample_images.examples(source, count, size)]
