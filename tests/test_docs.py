"""What the pages name exists: links, files, tests, commands and their flags."""

import ast
import itertools
import pathlib
import re
import runpy

import pytest
from absl import flags

from selene_tf.cli import command

ROOT = pathlib.Path(__file__).parents[1]
README, ARCHITECTURE = ROOT / "README.md", ROOT / "ARCHITECTURE.md"
PACKAGE = ROOT / "selene_tf"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
all_pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)

_FENCED = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?<=\n\n)(?: {4}.*\n|\n)+")
_INLINE = re.compile(r"`([^`]+)`")
_COMMAND = re.compile(r"python (?:-m )?([\w.]+)(.*)")
_FLAG = re.compile(r"(?<!\S)--([a-z]\w*)")


def _prose(page):
    return _INDENTED.sub("", _FENCED.sub("", page.read_text()))


def _inline_code(page):
    # A name that is broken over two lines is still one.
    return [" ".join(code.split()) for code in _INLINE.findall(_prose(page))]


def _command_lines(page):
    """Lines of the page's code blocks, continued ones as one."""
    text = page.read_text()
    blocks = _FENCED.findall(text) + _INDENTED.findall(_FENCED.sub("", text))
    return "\n".join(blocks).replace("\\\n", " ").splitlines()


def _is_broken(link, page):
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    return not target.exists() or (anchor and anchor not in _anchors(target))


def _anchors(page):
    """What GitHub calls the headings of a page in links."""
    headings = re.findall(r"^#+ (.*)$", _prose(page), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings]


@all_pages
def test_links_lead_to_files_and_headings(page):
    links = re.findall(r"\]\(([^()\s]+)\)", _prose(page))
    inside = [link for link in links if "://" not in link]
    assert not [link for link in inside if _is_broken(link, page)]


@pytest.mark.parametrize("link", ["missing.md", "README.md#no-such-heading", "#none"])
def test_a_broken_link_is_noticed(link):
    assert _is_broken(link, ROOT / "README.md")


def _is_missing(name):
    """Whether a page names a file of this repository that is not there.

    A path starts in the repository or in the package; a bare name may lie anywhere.
    """
    if "/" not in name:
        folders = (ROOT / folder for folder in ("export", "selene_tf", "tests"))
        files = itertools.chain(*(folder.rglob("*.py") for folder in folders))
        return name not in {file.name for file in (*ROOT.glob("*.py"), *files)}
    places = (ROOT, ROOT / "selene_tf")
    return not any(list(place.glob(name.rstrip("/"))) for place in places)


def _names_a_file(code):
    """Files and folders of the repository; those of a run or of data are not."""
    first, *others = code.split("/")
    if not others:
        return re.fullmatch(r"\w+\.py", code)
    ours = {path.name for path in (*ROOT.iterdir(), *(ROOT / "selene_tf").iterdir())}
    is_file = re.fullmatch(r"[\w*/]+(\.(py|cfg|toml|md|png|npz)|/)", code)
    return is_file and first in ours - {"runs"}


@all_pages
def test_named_files_are_there(page):
    names = [code for code in _inline_code(page) if _names_a_file(code)]
    assert not [name for name in names if _is_missing(name)]


@pytest.mark.parametrize("name", ["configs/no.cfg", "missing.py", "docs/none_*.md"])
def test_a_missing_file_is_noticed(name):
    assert _names_a_file(name)
    assert _is_missing(name)


@all_pages
def test_named_tests_are_there(page):
    named = [
        code for code in _inline_code(page) if re.match(r"test_\w+(\.\.\.)?$", code)
    ]
    files = [*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("tests/**/contract.py")]
    text = "\n".join(file.read_text() for file in files)
    for name in named:
        ending = r"\w*\(" if name.endswith("...") else r"\("
        assert re.search(rf"def {name.rstrip('.')}{ending}", text), name


@pytest.fixture(scope="module")
def flags_of():
    """Names of the flags of each command, by the name that Python runs it by."""
    files = [
        *ROOT.glob("*.py"),
        *ROOT.glob("export/*.py"),
        *ROOT.glob("selene_tf/*.py"),
    ]
    return {
        _name(file): _flags_of(file) for file in files if "__main__" in file.read_text()
    }


def _name(file):
    parts = file.relative_to(ROOT).with_suffix("").parts
    return file.name if len(parts) == 1 else ".".join(parts)


def _flags_of(file):
    """Runs a command's file up to where it would parse its flags."""
    names = {"flagfile", "help"}
    with pytest.MonkeyPatch.context() as patch:
        for define in [name for name in dir(flags) if name.startswith("DEFINE_")]:
            patch.setattr(flags, define, lambda name, *_, **__: names.add(name))
        patch.setattr(command, "run", lambda _, own, **__: names.update(own))
        runpy.run_path(str(file), run_name="__main__")
    return names


def _unknown(text, known):
    """Flags of a text that are not known, `--noX` of a known X excepted."""
    return [
        name
        for name in _FLAG.findall(text)
        if name not in known and name.removeprefix("no") not in known
    ]


@all_pages
def test_commands_take_the_flags_that_they_are_given(page, flags_of):
    for line in _command_lines(page):
        if found := _COMMAND.search(line.split("  #")[0]):
            name, arguments = found.groups()
            if "." in name:
                assert name in flags_of, line
                assert not _unknown(arguments, flags_of[name]), line
                for file in re.findall(r"--flagfile=(configs/\S+)", arguments):
                    assert (ROOT / file).exists(), line


@all_pages
def test_flags_of_the_prose_exist(page, flags_of):
    known = set(itertools.chain(*flags_of.values()))
    assert not [name for code in _inline_code(page) for name in _unknown(code, known)]


def test_an_unknown_flag_is_noticed(flags_of):
    assert _unknown("--run_dir=a --stpes=3", flags_of["train.py"]) == ["stpes"]


def test_the_commands_of_the_readme_are_noticed():
    found = {
        _COMMAND.search(line).group(1)
        for line in _command_lines(README)
        if _COMMAND.search(line)
    }
    assert {"train.py", "evaluate.py", "export.tflite", "selene_tf.predict"} <= found


def _floors():
    """The floor of each room in ARCHITECTURE.md's diagram."""
    lines = re.findall(r"^ {4}(\d) +(.*)$", ARCHITECTURE.read_text(), re.M)
    commands, *rooms = [(int(floor), names) for floor, names in lines]
    floors = {name: floor for floor, names in rooms for name in names.split()}
    return floors | {"commands": commands[0]}


def _room(parts):
    """The room that a module of the package lies in, from its dotted name's parts."""
    if parts[0] == "data":
        return "/".join(parts[:2])
    is_room = parts[0] == "errors" or (PACKAGE / parts[0]).is_dir()
    return parts[0] if is_room else "commands"


def _arrows():
    """(room, imported room) of every import in the package."""
    for file in PACKAGE.glob("*/**/*.py"):
        own = _room(file.relative_to(PACKAGE).with_suffix("").parts)
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("selene_tf"):
                for name in node.names:
                    yield own, _room([*node.module.split(".")[1:], name.name])


def test_the_diagram_has_every_room_and_all_imports_go_down():
    floors, arrows = _floors(), set(_arrows())
    rooms = {
        _room(file.relative_to(PACKAGE).parts) for file in PACKAGE.glob("*/**/*.py")
    }
    assert rooms | {"errors", "commands"} == set(floors) | {"data/__init__.py"}
    upwards = [(a, b) for a, b in arrows if a != b and floors[a] <= floors[b]]
    assert not upwards
    assert ("experiment", "evaluation") in arrows
