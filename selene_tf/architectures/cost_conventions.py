"""Conventions of counting operations: ours, and the official code's."""

import dataclasses

from selene_tf.architectures import topology


@dataclasses.dataclass(frozen=True)
class Counting:
    """A convention of counting operations beside those of convolutions.

    One multiplication with its addition is one operation (MAC). Resizing, the
    sums of branches, biases and the products with the gates are never counted.

    Attributes:
        normalisation: Operations for each value that a normalisation puts out.
        relu: Likewise for a ReLU.
        pooling: Likewise for each value that a gate's mean over the map takes in.
        padded_stem: Whether the first convolution's map counts with half the
            image's sides. It has one row and one column less.
        square_decoder: Whether the decoder's maps count as wide as they are high.
        first_cell: Whether the cell behind the stem, and its gate, are counted.
            The routes that leave it are.
    """

    normalisation: int = 0
    relu: int = 0
    pooling: int = 0
    padded_stem: bool = False
    square_decoder: bool = False
    first_cell: bool = True

    def stem(self, height, width, channels):
        """Counts the three layers before the first cell; sides of the image."""
        if self.padded_stem:
            first = (height // 2) * (width // 2)
        else:
            first = ((height - 3) // 2 + 1) * ((width - 3) // 2 + 1)
        middle = topology.STEM_CHANNELS
        count = first * middle * (27 + self._norm_relu)
        count += first * middle * (9 + middle + self._norm_relu)
        last = 9 * middle + middle * channels + self._norm_relu * channels
        return count + (height // 4) * (width // 4) * last

    def classifier(self, height, width, channels, num_classes):
        """Counts the classifier; sides of the finest level's map."""
        width = height if self.square_decoder else width
        return height * width * 9 * channels * num_classes

    def decoder_levels(self, height, width, channels, pooling):
        """Counts the decoder's convolutions at each level, finest first."""
        width = height if self.square_decoder else width
        levels = [
            (height >> level) * (width >> level) * narrow * (wide + self._norm_relu)
            for level, wide, narrow in decoder_widths(channels)
        ]
        coarsest = (height >> 3) * (width >> 3)
        levels[-1] += self.pooled(pooling, coarsest, channels << 3)
        return levels

    def pooled(self, pooling, pixels, channels):
        """Counts the pooling head; `pixels` and `channels` of the coarsest level."""
        return sum(
            (pixels if positions is None else positions)
            * (weights + self._norm_relu * narrow)
            for positions, weights, narrow in pooling_convolutions(pooling, channels)
        )

    def cell(self, pixels, channels):
        """Counts a cell's two separable convolutions and the ReLU between them."""
        elementwise = 2 * self.normalisation + self.relu
        return pixels * channels * (2 * (channels + 9) + elementwise)

    def gate(self, pixels, channels, num_routes):
        """Counts a gate on `pixels`; `channels` of its cell."""
        narrow = channels // 2
        each = channels + self._norm_relu + self.pooling
        return narrow * (pixels * each + num_routes)

    def route(self, route, pixels, channels):
        """Counts a route; `pixels` and `channels` of the cell that it leaves."""
        count = self.relu * pixels * channels
        if route == "up":
            count += pixels * (channels // 2) * (channels + self._norm_relu)
        if route == "down":
            count += (pixels // 4) * 2 * channels * (channels + self._norm_relu)
        return count

    @property
    def _norm_relu(self):
        return self.normalisation + self.relu


# The numbers are those of the official DynamicRouting code, which its authors
# report; so are a head of square maps, by mistake, and the first cell left out.
CONVENTIONS = {
    "plain": Counting(),
    "dynamic_routing": Counting(
        normalisation=2,
        relu=1,
        pooling=1,
        padded_stem=True,
        square_decoder=True,
        first_cell=False,
    ),
}
# Each may be asked for of the official convention, by itself.
CORRECTIONS = {
    "true_head_width": {"square_decoder": False},
    "first_cell": {"first_cell": True},
}


def corrected(convention, corrections):
    """Looks up a `Counting` by name and applies some of `CORRECTIONS`."""
    if convention not in CONVENTIONS:
        raise ValueError(
            f"convention must be one of {', '.join(CONVENTIONS)}. "
            f"Received: {convention!r}"
        )
    if corrections and convention != "dynamic_routing":
        raise ValueError(
            "corrections are of the convention dynamic_routing. Received: "
            f"convention={convention!r}, corrections={corrections!r}"
        )
    counting = CONVENTIONS[convention]
    for name in corrections:
        if name not in CORRECTIONS:
            raise ValueError(
                f"corrections must be of {', '.join(CORRECTIONS)}. "
                f"Received: corrections={corrections!r}"
            )
        counting = dataclasses.replace(counting, **CORRECTIONS[name])
    return counting


def decoder_widths(channels):
    """(level, channels in, channels out) of the decoder's 1x1 convolutions."""
    return [
        (level, channels << level, channels << max(level - 1, 0))
        for level in range(topology.NUM_LEVELS)
    ]


def pooling_convolutions(pooling, channels):
    """The convolutions of a pooling head, see `PyramidPooling`, `AtrousPooling`.

    Returns:
        (positions, weights, channels out) of each; positions are None where it
        runs over the whole level.
    """
    if pooling == "psp":
        narrow = channels // len(topology.PYRAMID_BINS)
        grids = [(bins**2, channels * narrow, narrow) for bins in topology.PYRAMID_BINS]
        return [*grids, (None, 9 * 2 * channels * channels, channels)]
    if pooling == "aspp":
        half = channels // 2
        near, global_mean = (None, channels * half, half), (1, channels * half, half)
        dilated = [(None, 9 * channels * half, half)] * len(topology.ATROUS_RATES)
        return [near, *dilated, global_mean, (None, 5 * half * channels, channels)]
    return []
