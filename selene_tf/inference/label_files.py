"""Writing the label maps of an evaluation, as a benchmark's server takes them."""

import pathlib

import numpy as np

from selene_tf.errors import UserError
from selene_tf.inference import output_files
from selene_tf.inference.label_values import LabelValues


class LabelFiles:
    """Writes each predicted label map as PNG with the values of the data set's masks.

    Cityscapes gets its labelIds (7 for road and so on), Pascal VOC palette images.

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
        self._names = _names_of(source)
        self._done = 0

    def recording(self, predict):
        """The same function of images as `predict`, which writes its labels too."""

        def predict_and_write(images):
            outputs = predict(images)
            for labels in np.asarray(outputs["labels"]):
                name = self._names[self._done]
                self._output.write_labels(name, labels.astype(np.uint8))
                self._done += 1
            return outputs

        return predict_and_write


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
