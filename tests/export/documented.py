"""Runs the Python of docs/ as it stands there, but for names of files."""

import pathlib
import re

DOCS = pathlib.Path(__file__).parents[2] / "docs"
MOST_LINES = 12


def run(page, containing, replacements):
    """Runs the page's block that contains a text; returns what it defines."""
    text = (DOCS / page).read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    (code,) = (block for block in blocks if containing in block)
    assert len([line for line in code.splitlines() if line]) <= MOST_LINES
    for name, path in replacements.items():
        assert name in code
        code = code.replace(name, str(path))
    names = {}
    exec(code, names)
    return names
