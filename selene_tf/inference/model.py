"""The interface of everything that predicts: images in, class ids out."""

import abc

import numpy as np

from selene_tf.errors import UserError


class SegmentationModel(abc.ABC):
    """A network that gives every pixel of an image one of its classes.

    A run, a SavedModel, a TFLite and an ONNX file are used alike. Images are checked
    here, once, before any runtime complains of them in its own words; a format brings
    `compute_labels` and `compute_logits`, which get images that are fine.

    Args:
        name: str, what the user called it: a folder or a file.
        kind: "run", "saved_model", "tflite" or "onnx".
        class_names: Names of the classes, in the order of their ids.
        colours: (red, green, blue) in 0..255 of each class.
        size: Height and width in pixels of the images that it takes; None for any.
        metadata: dict, what an exported network says of itself.

    Example:
        >>> import numpy as np
        >>> class Brightness(SegmentationModel):
        ...     def compute_labels(self, images):
        ...         return (images.mean(-1) > 127).astype(np.int32)
        ...     def compute_logits(self, images):
        ...         return np.eye(2, dtype=np.float32)[self.compute_labels(images)]
        >>> model = Brightness("mine", "run", ["dark", "light"], [(0, 0, 0), (9, 9, 9)])
        >>> model.labels(np.full((1, 1, 2, 3), 200, np.uint8)).tolist()
        [[[1, 1]]]
    """

    def __init__(self, name, kind, class_names, colours, size=None, metadata=None):
        self.name = str(name)
        self.kind = kind
        self.class_names = tuple(class_names)
        self.colours = tuple(tuple(colour) for colour in colours)
        self.size = None if size is None else tuple(size)
        self.metadata = {} if metadata is None else metadata

    @property
    def gives_scores(self):
        """Whether there are `logits`; some exports give labels alone."""
        return self.metadata.get("scores", "logits") is not None

    @abc.abstractmethod
    def compute_labels(self, images):
        """Class ids, int32 (batch, height, width), of images that `check` passed."""

    @abc.abstractmethod
    def compute_logits(self, images):
        """Scores, float32 (batch, height, width, classes), of images likewise."""

    def labels(self, images):
        """Class ids of images, int32 (batch, height, width).

        Args:
            images: What `check` accepts.

        Raises:
            UserError: if they are not what `check` accepts, or the model gives ids that
                no class has.
        """
        labels = self.compute_labels(self.check(images))
        if labels.size and not 0 <= labels.min() <= labels.max() < len(
            self.class_names
        ):
            raise UserError(
                f"'{self.name}': it gives class ids from {labels.min()} to "
                f"{labels.max()}, but names {len(self.class_names)} classes; expected "
                "a model as selene_tf exports it, unchanged."
            )
        return labels

    def logits(self, images):
        """Scores of images, float32 (batch, height, width, classes).

        Args:
            images: What `check` accepts.

        Raises:
            UserError: if they are not what `check` accepts, or it gives labels alone.
        """
        if not self.gives_scores:
            raise UserError(
                f"'{self.name}' gives labels alone (--outputs=labels), but windows and "
                "resized images need scores; expected --fit=whole and images that it "
                "takes, or an export with --outputs=labels,logits."
            )
        return self.compute_logits(self.check(images))

    def check(self, images):
        """Images as the network takes them, or one line that says why it does not.

        Args:
            images: uint8 (batch, height, width, 3), RGB. One pixel is enough if
                the network takes any size: it pads by itself.

        Returns:
            The images, a NumPy array.

        Raises:
            UserError: for another type, rank, number of colours or size.
        """
        images = self._as_array(images)
        if images.dtype != np.uint8:
            self._refuse(images, _how_to_convert(images))
        if images.ndim != 4 or images.shape[-1] != 3:
            self._refuse(images, _how_to_arrange(images.shape))
        if not images.size:
            self._refuse(images, ", one image and one pixel or more")
        if self.size and images.shape[1:3] != self.size:
            self._refuse(
                images,
                "; resize the images, cut them into windows (selene_tf.predict does "
                "both), or export another size",
            )
        return images

    def _as_array(self, images):
        try:
            return np.asarray(images)
        except ValueError:  # A list of images of several sizes.
            raise UserError(
                f"'{self.name}': found images of several sizes, expected "
                f"{self._expected()}; give one after the other."
            ) from None

    def _expected(self):
        height, width = self.size or ("height", "width")
        return f"uint8 (batch, {height}, {width}, 3), RGB"

    def _refuse(self, images, how):
        raise UserError(
            f"'{self.name}': found images of {images.dtype} {images.shape}, "
            f"expected {self._expected()}{how}."
        )


class ExportedModel(SegmentationModel):
    """A network that was exported; what it is follows from its metadata.

    Args:
        name: str, the folder or file.
        metadata: dict, as `parse_metadata` returns it.
    """

    def __init__(self, name, metadata):
        super().__init__(
            name,
            metadata["format"],
            metadata["class_names"],
            metadata["colours"],
            metadata["size"],
            metadata,
        )


def _how_to_convert(images):
    if np.issubdtype(images.dtype, np.floating):
        if not np.isfinite(images).all():
            return "; some of its values are not finite"
        if images.size and 0 <= images.min() and images.max() <= 1:
            return ", values 0 to 255; these lie in 0 to 1, so multiply them by 255"
    return ", values 0 to 255"


def _how_to_arrange(shape):
    """How images of a wrong shape may be meant."""
    if len(shape) == 3 and shape[-1] == 3:
        return "; for one image write image[None]"
    if len(shape) == 4 and shape[1] == 3:
        return "; the colours come last"
    if len(shape) == 4 and shape[-1] == 4:
        return "; leave the fourth channel out"
    if len(shape) == 4 and shape[-1] == 1:
        return "; repeat a grey image for the three colours"
    return ""
