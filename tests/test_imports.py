"""Imports run one way; this table is ARCHITECTURE.md's."""

import ast
import pathlib

import pytest

PACKAGE = pathlib.Path(__file__).parents[1] / "selene_tf"

# What each module may import from the package; a folder stands for its files.
# `errors` imports nothing and may be imported by all.
ALLOWED = {
    "algorithms": {"algorithms", "data", "layers", "losses"},
    "architectures": {"architectures"},
    "benchmark": {"architectures", "benchmarking", "cli", "training"},
    "benchmarking": {
        "algorithms",
        "architectures",
        "benchmarking",
        "cli",
        "data",
        "evaluation",
        "experiment",
        "export",
        "inference",
        "layers",
        "losses",
        "networks",
        "reports",
        "search",
        "training",
    },
    "check_data": {"cli", "config", "experiment", "reports"},
    "cli": {"cli", "config"},
    "config": {"config"},
    "convert_sbd": {"cli", "data"},
    "data": {"data"},
    "discover_path": {"cli", "experiment", "reports", "search"},
    "errors": set(),
    "evaluation": {"architectures", "evaluation", "reports", "search", "training"},
    "experiment": {
        "algorithms",
        "architectures",
        "cli",
        "config",
        "data",
        "evaluation",
        "experiment",
        "layers",
        "losses",
        "networks",
        "pretrained",
        "reports",
        "search",
        "training",
    },
    "export": {
        "architectures",
        "cli",
        "data",
        "evaluation",
        "experiment",
        "export",
        "inference",
        "training",
    },
    "inference": {
        "cli",
        "data",
        "evaluation",
        "experiment",
        "inference",
        "reports",
        "training",
    },
    "layers": {"architectures", "layers"},
    "losses": {"architectures", "losses"},
    "networks": {"architectures", "layers", "networks"},
    "partition": {"cli", "data", "experiment"},
    "predict": {"cli", "inference"},
    "pretrained": {"architectures", "layers", "pretrained"},
    "reports": {"architectures", "reports"},
    "search": {"architectures", "search"},
    "sweep": {"benchmarking", "cli", "experiment"},
    "training": {"layers", "training"},
}
KNOW_CONFIG = ("experiment", "cli", "config", "config_checks")
EVERYWHERE = {"errors"}

FILES = sorted(PACKAGE.rglob("*.py"))


def imported_modules(file):
    """Names of our modules, first part after the package, that a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            first, *rest = node.module.split(".")
            if first == "selene_tf":
                yield from [rest[0]] if rest else [name.name for name in node.names]
        elif isinstance(node, ast.Import):
            for name in node.names:
                first, *rest = name.name.split(".")
                if first == "selene_tf" and rest:
                    yield rest[0]


def owner(file):
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_run_one_way(file):
    if file == PACKAGE / "__init__.py":
        assert not list(imported_modules(file))
        return
    allowed = ALLOWED[owner(file)] | EVERYWHERE
    assert set(imported_modules(file)) <= allowed


def test_errors_imports_nothing():
    for name in EVERYWHERE:
        assert not list(imported_modules(PACKAGE / f"{name}.py"))


@pytest.mark.parametrize("folder", ["layers", "networks"])
def test_layers_and_networks_import_tensorflow_inside_functions_only(folder):
    """They run on other backends."""
    for file in (PACKAGE / folder).glob("*.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.Import):
                names = [name.name for name in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module]
            else:
                continue
            assert not any(name.split(".")[0] == "tensorflow" for name in names), file


def test_a_config_is_read_in_experiment_alone():
    """Only flags and experiment know the class; nothing else has a `config.`."""
    for file in FILES:
        if owner(file) in (*KNOW_CONFIG, "errors", "__init__"):
            continue
        names = {
            node.value.id
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        }
        assert "config" not in names, file
