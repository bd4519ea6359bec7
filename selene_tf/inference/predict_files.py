"""Predicts everything that an --input names, with whatever kind of model."""

import dataclasses
import pathlib

from selene_tf.cli import command, progress
from selene_tf.data.files import image_files
from selene_tf.errors import IncompleteResult, UserError
from selene_tf.inference import (
    image_prediction,
    input_images,
    label_values,
    output_files,
    predict_image,
    video_files,
    video_prediction,
)

# Of 65 536 x 65 536 pixels, what PNG and JPEG files have at most in practice.
_MOST_MEGAPIXELS = 4295.0


# One argument for each flag; a notebook names them.
def predict_files(  # noqa: PLR0913
    model,
    inputs,
    output,
    *,
    fit="auto",
    tile_size=None,
    overlap=0.25,
    opacity=0.5,
    overlays=True,
    labels=None,
    exif="apply",
    ids="classes",
    max_megapixels=179.0,
    trust=False,
):
    """Writes label maps and overlays of images, or of a video.

    Args:
        model: Name of a run's folder, a SavedModel's, a .tflite or .onnx file.
        inputs: Name of an image, a folder of images, a list or a video.
        output: New or empty folder for the results.
        fit: How an image goes through the network, one of `predict_image.MODES`.
        tile_size: Height and width for "resize" and "sliding"; None: the network's.
        overlap: Share of a window that the next one sees again, below 1.
        opacity: Share of the classes' colours in an overlay, 0 to 1.
        overlays: Whether to write overlays.
        labels: Whether to write label maps; None: of images, not of videos.
        exif: "apply" to turn images upright that are stored turned, or "refuse".
        ids: Values of label maps: "classes", ids from 0 on, or "dataset", those of the
            masks that the model was trained on.
        max_megapixels: Images of more million pixels are refused.
        trust: Whether a SavedModel may hold operations that none of ours has.

    Returns:
        The content of classes.json, and a list of notes, such as how many files of a
        folder are no images.

    Raises:
        UserError: for whatever is wrong with the model, the input or the output. Of
            what can be known before a model is loaded, before it is.
    """
    predict_image.check_values(fit, tile_size, overlap)
    _check_choices(ids, max_megapixels)
    listed = input_images.find(inputs)
    is_video = input_images.is_video(inputs)
    if is_video:
        video_files.check_installed()
    if not output:
        raise UserError("--output: found nothing, expected a new folder.")
    labels = not is_video if labels is None else labels
    folder = output_files.Output(pathlib.Path(output), labels, overlays, opacity)
    folder.check(inputs)
    loaded = _load(model, trust)
    mode = predict_image.choose_mode(loaded, fit, tile_size, overlap)
    if ids == "dataset":
        folder = dataclasses.replace(folder, values=label_values.of_dataset(loaded))
    if is_video:
        return _write_video(loaded, listed.images[0], folder, mode), []
    with image_files.pixel_limit(max_megapixels):
        content = _write_images(loaded, listed.images, folder, mode, exif)
    return content, _notes(listed.others, inputs, content["turned"])


def _check_choices(ids, max_megapixels):
    if ids not in ("classes", "dataset"):
        raise UserError(f"--ids: found '{ids}', expected classes or dataset.")
    if not 0 < max_megapixels <= _MOST_MEGAPIXELS:
        raise UserError(
            f"--max_megapixels: found {max_megapixels:g}, expected more than 0, and at "
            f"most {_MOST_MEGAPIXELS:,.0f}."
        )


def _notes(num_others, inputs, num_turned):
    notes = []
    if num_others:
        text = "files {} are no images" if num_others > 1 else "file {} is no image"
        notes.append(f"note: {num_others} other {text.format(f'in {inputs}')}")
    if num_turned:
        text = "images are" if num_turned > 1 else "image is"
        notes.append(
            f"note: {num_turned} {text} stored turned (EXIF orientation); the results "
            "are upright, as viewers show it"
        )
    return notes


def unreadable(content):
    """The error for images that could not be read, beside those that were written.

    Args:
        content: classes.json.

    Returns:
        An `IncompleteResult`, or None if there are none.
    """
    left_out = content.get("left_out", ())
    if not left_out:
        return None
    names = ", ".join(image["name"] for image in left_out[:5])
    more = ", ..." if len(left_out) > 5 else ""
    count = len(left_out) + len(content["images"])
    return IncompleteResult(
        f"--input: {len(left_out)} of {count} images cannot be predicted "
        f"({names}{more}); the others are written. Their reasons are above and in "
        "classes.json; mend them, or pass --on_bad_sample=skip."
    )


def _load(name, trust):
    # Imported here: TensorFlow starts with it, and mistakes need not wait for that.
    with command.suppress_startup_logs():
        from selene_tf.inference import loading

    return loading.load(name, trust=trust)


def _write_images(model, images, folder, mode, exif):
    with progress.bar("predicting") as show:
        return image_prediction.write(model, images, folder, mode, exif, show)


def _write_video(model, video, folder, mode):
    with progress.bar("predicting", "frame") as show:
        return video_prediction.write(model, video.path, folder, mode, show)
