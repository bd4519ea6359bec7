"""Tells palette masks whose colours do not mean what their indices say.

Some tools number the colours of each file anew. Read by index, as palette masks are,
such files train nonsense; nothing else about them is wrong.
"""

from selene_tf.data.files.label_map import REFUSED
from selene_tf.data.files.palettes import read_palette

_REMEDY = (
    'if the colours say the classes, write masks = "colours" into the data folder\'s '
    "dataset.toml."
)


def warnings(paths, labels):
    """A line if palettes differ from file to file, or contradict the classes' colours.

    Args:
        paths: Mask files to look at.
        labels: Their `LabelFormat`.
    """
    if labels.palettes_by_colour:
        return
    palettes = {path: palette for path in paths if (palette := read_palette(path))}
    yield from _differing(palettes, labels)
    yield from _contradicting(palettes, labels)


def _differing(palettes, labels):
    first = None
    for path, palette in palettes.items():
        shown = _colours_of_classes(palette, labels.ids_of(path))
        first = first or (path, shown)
        common = first[1].keys() & shown.keys()
        index = next((i for i in sorted(common) if shown[i] != first[1][i]), None)
        if index is not None:
            yield (
                f"{first[0]} and {path} show index {index} in other colours, "
                f"{first[1][index]} and {shown[index]}; masks are read by their "
                f"indices: {_REMEDY}"
            )
            return


def _contradicting(palettes, labels):
    for path, palette in palettes.items():
        ids = labels.ids_of(path)
        for index, colour in _colours_of_classes(palette, ids).items():
            if labels.colours.get(colour, ids[index]) != ids[index]:
                yield (
                    f"{path} shows index {index} in {colour}, which is the colour of "
                    f"class {labels.colours[colour]}, but is read as class "
                    f"{ids[index]}: {_REMEDY}"
                )
                return


def _colours_of_classes(palette, ids):
    """Colours of the indices that are classes."""
    return {i: palette[i] for i in ids if i < len(palette) and ids[i] < REFUSED}
