"""Writing the label maps of an evaluation, as a benchmark's server takes them."""

import os
import pathlib

import numpy as np
from PIL import Image

from selene_tf.errors import UserError
from selene_tf.inference import output_files
from selene_tf.inference.label_values import LabelValues


class LabelFiles:
    """Writes each predicted label map as PNG with the values of the data set's masks.

    Cityscapes gets its labelIds (7 for road and so on), Pascal VOC palette images. A
    label map has the size of its image's file, also if the run resizes images.

    Args:
        folder: A new or empty folder.
        source: The `Source` that is evaluated, in order; a file is called as its image.
        info: Its `DatasetInfo`.

    Raises:
        UserError: the folder holds something, or two images have one name.
    """

    def __init__(self, folder, source, info):
        palette = info.mask_palette()
        values = LabelValues(tuple(info.mask_values()), palette and tuple(palette))
        self._output = output_files.Output(
            pathlib.Path(folder), overlays=False, values=values
        )
        try:
            self._output.check()
        except UserError as error:
            # Other commands call the flag so.
            text = str(error).replace("--output", "--save_predictions", 1)
            raise UserError(text) from None
        self._names, self._files = _names_of(source), source.names
        self._done = 0

    def recording(self, predict):
        """The same function of images as `predict`, which writes its labels too."""

        def predict_and_write(images):
            outputs = predict(images)
            for labels in np.asarray(outputs["labels"]):
                name = self._names[self._done]
                labels = self._as_large_as_the_file(labels.astype(np.uint8))
                self._output.write_labels(name, labels)
                self._done += 1
            return outputs

        return predict_and_write

    def _as_large_as_the_file(self, labels):
        if self._files is None or not os.path.isfile(self._files[self._done]):
            return labels
        with Image.open(self._files[self._done]) as image:
            size = image.size
        if size == labels.shape[::-1]:
            return labels
        resized = Image.fromarray(labels).resize(size, Image.Resampling.NEAREST)
        return np.asarray(resized)


def _names_of(source):
    if source.names is None:
        return [f"{number:05d}" for number in range(source.size)]
    names = [pathlib.PurePath(name).stem for name in source.names]
    seen = {}
    for name, file in zip(names, source.names, strict=True):
        if name in seen:
            raise UserError(
                f"--save_predictions: {file} and {seen[name]} would be one file "
                f"{name}.png; expected images of different names."
            )
        seen[name] = file
    return names
