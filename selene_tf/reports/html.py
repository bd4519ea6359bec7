"""Pieces of HTML: every text is escaped here, and nowhere else."""

import base64
import html

escape = html.escape


def table(heads, rows, text_columns=(), caption=""):
    """A table that scrolls by itself on narrow screens.

    Args:
        heads: Texts.
        rows: Lists of texts; `Raw` is put in as it is.
        text_columns: Numbers of columns of longer texts.
        caption: What it shows, for those who hear it.
    """

    def row(cells, tag):
        inside = "".join(
            f"<{tag}{_class(place in text_columns)}>{_inside(cell)}</{tag}>"
            for place, cell in enumerate(cells)
        )
        return f"<tr>{inside}</tr>"

    body = "".join(row(cells, "td") for cells in rows)
    label = f' aria-label="{escape(caption)}"' if caption else ""
    return (
        f'<div class="scroll"><table{label}><thead>{row(heads, "th")}</thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


class Raw(str):
    """A text that is HTML already."""


def _inside(cell):
    return cell if isinstance(cell, Raw) else escape(str(cell))


def _class(is_text):
    return ' class="text"' if is_text else ""


def interval(ends):
    """(low, high) in brackets, or nothing."""
    return "" if ends is None else f"[{ends[0]:.4f}, {ends[1]:.4f}]"


def bar(share):
    """A bar as long as a share in 0..1."""
    return Raw(f'<span class="bar" style="--share:{max(0.0, share):.3f}"></span>')


def figure(content, caption="", wide=False):
    """A chart or image with what it shows below."""
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    kind = ' class="wide"' if wide else ""
    return f"<figure{kind}>{content}{below}</figure>" if content else ""


def png(content, alternative):
    """An image inside of the page, from the bytes of a PNG."""
    encoded = base64.b64encode(content).decode()
    return (
        f'<img alt="{escape(alternative)}" loading="lazy" '
        f'src="data:image/png;base64,{encoded}">'
    )


def grid(figures):
    """Figures beside each other, as many as fit."""
    inside = "".join(figures)
    return f'<div class="grid">{inside}</div>' if inside else ""


def details(summary, content):
    """What is shown when it is asked for."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def page(title, style, body):
    """A whole page, which needs nothing from elsewhere."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # Nothing is loaded, and nothing is run, whatever a name of a class may hold.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "img-src data:; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{style}</style></head>"
        f"<body>{body}</body></html>\n"
    )
