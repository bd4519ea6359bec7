"""The value of --protocol: how images are shown to a network that is scored."""

import dataclasses
import math
import re

from selene_tf.errors import UserError

_EXAMPLES = "whole, voc, centre_pad:512x512, sliding:800x800:534x534"
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")
_VOC_SIZE = (512, 512)
# Sides that the network pads to.
_MULTIPLE = 32


@dataclasses.dataclass(frozen=True)
class Protocol:
    """A way to show images to a network that is scored.

    Attributes:
        mode: "whole": as it is, which the network pads to multiples of 32 pixels;
            "centre_pad": in the middle of a canvas of `size`, as semi-supervised papers
            evaluate Pascal VOC, larger sides as they are; "sliding": in windows of
            `size`, whose logits are averaged.
        size: Height and width in pixels; None for "whole".
        stride: With "sliding", pixels from a window to the next, down and across; the
            last window ends at the border.
        scales: Factors by which the image is resized; over several of them class
            probabilities are averaged.
        flip: Whether each is shown mirrored too, and averaged.

    Example:
        >>> parse_protocol("sliding:800x800:534x534+flip").stride
        (534, 534)
    """

    mode: str = "whole"
    size: tuple[int, int] | None = None
    stride: tuple[int, int] | None = None
    scales: tuple[float, ...] = (1.0,)
    flip: bool = False

    @property
    def is_one_pass(self):
        """Whether each image is shown once, so that it has one set of gates."""
        return self.mode != "sliding" and self.scales == (1.0,) and not self.flip

    def passes(self, height, width):
        """What the network sees of an image.

        Args:
            height: Height of the image in pixels.
            width: Width of the image in pixels.

        Returns:
            A list of ((height, width), how often), sizes in pixels.
        """
        views = 2 if self.flip else 1
        shown = []
        for scale in self.scales:
            sides = _scaled(height, scale), _scaled(width, scale)
            size, number = self._shown(sides)
            shown.append((size, views * number))
        return shown

    def _shown(self, sides):
        if self.mode == "whole":
            return sides, 1
        if self.mode == "centre_pad":
            return tuple(map(max, sides, self.size)), 1
        numbers = [
            math.ceil(max(side - window, 0) / stride) + 1
            for side, window, stride in zip(sides, self.size, self.stride, strict=True)
        ]
        return self.size, math.prod(numbers)

    def describe(self):
        """The protocol in words."""
        size, stride = _text(self.size), _text(self.stride)
        mode = {
            "whole": "whole images",
            "centre_pad": f"images centred on {size}",
            "sliding": f"windows of {size} every {stride}, logits averaged",
        }[self.mode]
        scales = "one scale"
        if self.scales != (1.0,):
            scales = f"scales {', '.join(f'{scale:g}' for scale in self.scales)}"
        views = "flipped too" if self.flip else "no flip"
        text = f"{mode}, {scales}, {views}"
        if self.scales != (1.0,) or self.flip:
            text += ", probabilities averaged"
        return text


WHOLE = Protocol()


def parse_protocol(text):
    """Parses the value of --protocol.

    Args:
        text: A mode, its size and stride in pixels (height x width), then options:
            "whole", "voc" (short for centre_pad:512x512), "centre_pad:SIZE",
            "sliding:SIZE:STRIDE" (without a stride two thirds of the size), "+flip",
            "+scales:0.5/1/1.5".

    Returns:
        A `Protocol`.

    Raises:
        UserError: for anything else.
    """
    mode, *options = text.split("+")
    try:
        protocol = _parse_mode(*mode.split(":"))
        for option in options:
            protocol = dataclasses.replace(protocol, **_parse_option(option))
    except (ValueError, TypeError):
        raise UserError(
            f"--protocol: found '{text}', expected a protocol such as {_EXAMPLES}, and "
            "behind it +flip or +scales:0.5/1/1.5 (sizes are height x width in "
            "pixels, 32 or more)."
        ) from None
    return protocol


def _parse_mode(mode, size=None, stride=None):
    match mode, size, stride:
        case "whole", None, None:
            return WHOLE
        case "voc", None, None:
            return Protocol("centre_pad", _VOC_SIZE)
        case "centre_pad", str(), None:
            return Protocol("centre_pad", _parse_size(size, _MULTIPLE))
        case "sliding", str(), _:
            window = _parse_size(size, _MULTIPLE)
            # That of the published code for Cityscapes: 534 of 800.
            step = tuple(math.ceil(side * 2 / 3) for side in window)
            if stride is not None:
                step = _parse_size(stride, 1)
            if any(map(lambda a, b: a > b, step, window)):
                raise ValueError("pixels between windows would be seen by none")
            return Protocol("sliding", window, step)
    raise ValueError(mode)


def _parse_size(text, smallest):
    match = _SIZE.fullmatch(text)
    size = tuple(map(int, match.groups())) if match else (0, 0)
    if min(size) < smallest:
        raise ValueError(text)
    return size


def _parse_option(option):
    name, _, value = option.partition(":")
    if name == "flip" and not value:
        return {"flip": True}
    scales = tuple(float(scale) for scale in value.split("/"))
    if name != "scales" or not all(0.1 <= scale <= 10 for scale in scales):
        raise ValueError(option)
    return {"scales": scales}


def _scaled(length, scale):
    return max(1, int(length * scale + 0.5))


def _text(size):
    return "x".join(map(str, size)) if size else ""
