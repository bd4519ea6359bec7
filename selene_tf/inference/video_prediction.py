"""Predicting the frames of a video."""

import contextlib

from selene_tf.inference import output_files, predict_image, video_files
from selene_tf.reports import overlay


def write(model, path, output, mode, show=None):
    """Writes an overlay, class shares and, if wanted, label maps of a video.

    Below the output's folder these are overlay.mp4, of the same times and size, without
    sound; labels/000000.png and so on, a frame each; and at last classes.json.

    Args:
        model: A `SegmentationModel`.
        path: The video.
        output: An `Output`.
        mode: An `InferenceMode`.
        show: Function of (done, total), called after each frame; or None.

    Returns:
        The content of classes.json: "model", "class_names", "colours", "label_values",
        "fit", "tile_size", "video", "images_per_second" and
        "network_images_per_second".
        "video" has "name", "size", [height, width], "frame_rate", their mean where it
        varies, "times", seconds of each frame since the first, and "shares": of each
        frame a list in the order of the classes.

    Raises:
        UserError: The video cannot be read, or nothing can be written.
    """
    shares, times, clock, labels = [], [], output_files.Clock(), None
    with video_files.reading(path) as clip:
        output.make()
        with _overlay(output, clip, model.colours) as add:
            for number, (time, pixels) in enumerate(clip.frames):
                labels = clock.network(predict_image.label_map, model, pixels, mode)
                shares.append(output_files.shares(labels, len(model.class_names)))
                times.append(round(float(time), 6))
                output.write_labels(f"{number:06}", labels)
                add(time, pixels, labels)
                if show:
                    show(number + 1, max(number + 1, clip.num_frames))
    content = {
        **output_files.metadata(model, mode, output.values),
        "video": {
            "name": str(path),
            "size": list(labels.shape),
            "frame_rate": float(clip.frame_rate),
            "times": times,
            "shares": shares,
        },
        **clock.rates(len(shares)),
    }
    # Indented, each number would have a line of its own.
    output.write_json(content, indent=None)
    return content


@contextlib.contextmanager
def _overlay(output, clip, colours):
    """Yields a function of (time, image, labels) that adds a frame, if it is wanted."""
    if not output.overlays:
        yield lambda *_: None
        return
    with video_files.writing(output.folder / "overlay.mp4", clip.frame_rate) as add:
        yield lambda time, image, labels: add(
            time, overlay.overlay(image, labels, colours, output.opacity)
        )
