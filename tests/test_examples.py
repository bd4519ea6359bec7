"""Every `Example:` of a docstring runs and gives what it says."""

import ast
import doctest
import importlib
import pathlib

import pytest

PACKAGE = pathlib.Path(__file__).parents[1] / "selene_tf"


def docstrings(file):
    """Those of a file, its classes and its functions."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    nodes = ast.walk(ast.parse(file.read_text()))
    documented = [node for node in nodes if isinstance(node, kinds)]
    return [text for node in documented if (text := ast.get_docstring(node))]


def module_name(file):
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


# Found without importing anything, so that only what has examples is imported.
EXAMPLES = {
    module_name(file): count
    for file in sorted(PACKAGE.rglob("*.py"))
    if (count := sum(">>>" in text for text in docstrings(file)))
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # Some write a small file.
    module = importlib.import_module(name)
    tests = [test for test in doctest.DocTestFinder().find(module) if test.examples]
    assert len(tests) == EXAMPLES[name]
    for test in tests:
        report = []
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
        assert runner.run(test, out=report.append).failed == 0, "".join(report)


def test_examples_stand_under_their_heading():
    for file in PACKAGE.rglob("*.py"):
        for text in docstrings(file):
            assert (">>>" in text) == ("Example:\n" in text), (file, text)
            before, _, after = text.partition("Example:\n")
            assert ">>>" not in before, (file, text)
            if after:
                assert after.lstrip().startswith(">>>"), (file, text)


def test_there_are_examples():
    assert len(EXAMPLES) >= 10
