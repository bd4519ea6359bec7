"""What the user of a data set may want to know, though no training stops at it."""

import collections

from selene_tf.data.datasets import class_pixels, duplicates

# So many of many file names are shown.
_SHOWN = 3


def class_warnings(parts, class_names):
    """Classes that cannot be learned, since no label has them."""
    labelled, _, validation = (part.report for part in parts)
    if not any(labelled.class_pixels):
        return
    for number, name in enumerate(class_names):
        if labelled.class_pixels[number]:
            continue
        hint = ""
        if labelled.ignored_pixels:
            hint = f" {class_pixels.remedy(name, class_names)}"
        count = validation.class_images[number]
        if count:
            yield (
                f"class '{name}' is in {count} of {validation.images} validation "
                f"images but in no labelled one, so it cannot be learned.{hint}"
            )
        else:
            yield f"class '{name}' is in no labelled and in no validation image.{hint}"


def mask_warnings(parts):
    """Masks that hold no class."""
    for part in parts:
        names = [part.reader.name(number) for number in part.report.without_class]
        if names and any(part.report.class_pixels):
            yield (
                f"{part.name}: {len(names)} of {part.report.labelled} masks have the "
                f"ignore label alone and teach nothing: {_first(names)}."
            )


def shared_masks(split):
    """Images that share a mask; mostly a slip in a list."""
    examples = {*split.labelled, *split.unlabelled, *split.validation}
    counts = collections.Counter(example.mask for example in examples)
    shared = sorted(str(mask) for mask, n in counts.items() if mask and n > 1)
    if shared:
        yield f"masks of more than one image, {len(shared)}: {_first(shared)}."


def copy_warnings(copies):
    """Images that stand in a part twice, under two names."""
    for name, files in duplicates.within_parts(copies).items():
        texts = [f"{copy} of {first}" for copy, first in files]
        yield f"{name}: copies within the part, {len(texts)}: {_first(texts)}."


def _first(names):
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
