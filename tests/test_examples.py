"""Every `Example:` of a docstring runs and gives what it says."""

import ast
import doctest
import importlib
import pathlib

import pytest

PACKAGE = pathlib.Path(__file__).parents[1] / "selene_tf"


def docstrings(file):
    """(name, docstring) of a file, its classes, its functions and their methods."""
    module = ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for node in ast.walk(ast.parse(file.read_text())):
        text = ast.get_docstring(node) if isinstance(node, documented) else None
        if text:
            yield f"{module}:{getattr(node, 'lineno', 1)}", text


# Read without importing anything, so that only what has examples is imported.
DOCSTRINGS = {
    name: text
    for file in sorted(PACKAGE.rglob("*.py"))
    for name, text in docstrings(file)
}
EXAMPLES = {name: text for name, text in DOCSTRINGS.items() if ">>>" in text}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # Some write a small file.
    module = importlib.import_module(name.partition(":")[0].removesuffix(".__init__"))
    parser = doctest.DocTestParser()
    test = parser.get_doctest(EXAMPLES[name], dict(vars(module)), name, name, 0)
    assert test.examples
    assert any(example.want for example in test.examples), "it shows no result"
    report = []
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    assert runner.run(test, out=report.append).failed == 0, "".join(report)


def test_examples_stand_under_their_heading():
    for name, text in DOCSTRINGS.items():
        assert (">>>" in text) == ("Example:\n" in text), name
        before, _, after = text.partition("Example:\n")
        assert ">>>" not in before, name
        assert not after or after.lstrip().startswith(">>>"), name


def test_there_are_examples():
    assert len(EXAMPLES) >= 10
