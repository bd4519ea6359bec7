"""Figures as SVG whose colours the page decides: light, dark, and on paper."""

import html
import io
import re

import matplotlib

# What figures are drawn with, and the page's variable that takes its place.
LINES = ("#a00001", "#a00002", "#a00003", "#a00004", "#a00005", "#a00006")
# Pixels of the page that an inch takes at most.
_LARGEST = 125
INK, RULE = "#a000f0", "#a000f1"
# Those of `path_drawing`, and what matplotlib draws in if nobody says otherwise.
_VARIABLES = {
    **{colour: f"--line-{number}" for number, colour in enumerate(LINES, start=1)},
    INK: "--ink",
    RULE: "--rule",
    "#000000": "--ink",
    "#ffffff": "--page",
    "#c2410c": "--line-2",
    "#d4d4d8": "--rule",
    "#64748b": "--muted",
    "#9ca3af": "--muted",
    "#0f766e": "--line-3",
}
_STYLE = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": RULE,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": RULE,
}


def style():
    """The context in which figures for a page are drawn."""
    return matplotlib.rc_context(_STYLE)


def render(figure, name, title):
    """Renders a figure as an SVG element that takes the page's colours.

    Args:
        figure: A matplotlib figure, drawn within `style()`.
        name: Distinguishes what the element refers to inside of it from others on the
            page.
        title: What it shows, for those who do not see it.

    Returns:
        A text, the element `<svg>`.
    """
    output = io.StringIO()
    with matplotlib.rc_context(_STYLE | {"svg.hashsalt": name}):
        figure.savefig(output, format="svg", transparent=True, metadata={"Date": None})
    text = output.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # The page's width decides, not points of paper; text is not blown up.
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    largest = round(figure.get_figwidth() * _LARGEST)
    text = text.replace("<svg", f'<svg style="max-width:{largest}px"', 1)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    # Ids of one figure must not be those of another.
    text = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{name}-", text)
    label = html.escape(title)
    return text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)


def plain(text):
    """A text that matplotlib shows as it is: $ would begin a formula."""
    return text.replace("$", r"\$")
