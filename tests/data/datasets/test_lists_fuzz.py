"""Whatever a list file holds, it is read from inside the data or refused in a line."""

import os

import hypothesis
import pytest
from hypothesis import strategies

from selene_tf.data.datasets.camvid import CamVid
from selene_tf.data.datasets.cityscapes import Cityscapes
from selene_tf.data.datasets.examples import Example, read_list
from selene_tf.data.datasets.pascal_voc import PascalVoc
from selene_tf.errors import UserError

FILES = (
    *("a.png", "b.png", "in/a.png", "my street.png", "ü.png", "JPEGImages/a.jpg"),
    *("SegmentationClass/a.png", "leftImg8bit/train/ulm/ulm_000000_000019.png"),
)
LINKS = {
    "same.png": "a.png",
    "inside": "in",
    "self": ".",
    "loop": "loop",
    "broken.png": "nowhere/at/all.png",
    "out.png": "../outside/secret.png",
    "outside": "../outside",
    "up": "..",
    "etc": "/etc",
}
FAR = ("/etc/passwd", "//etc/passwd", "../outside/secret.png", "../data/a.png", "~/a")
# ROOT and TOP become the data folder and the one that it lies in.
NEAR = ("ROOT/a.png", "ROOT", "ROOT/../data/b.png", "TOP/outside/secret.png", "TOP")
PARTS = (
    *("", ".", "..", "...", "a", "in", "a.png", "x.png", "nul\0", "\0", "\ufeff", "~"),
    *(
        " ",
        "a b",
        "\u2028",
        "a\u2028b.png",
        "\x85",
        "\u3000",
        "\x0b",
        "\x1c",
        "ü",
        "日",
    ),
    *(
        "x" * 256,
        "ü" * 200,
        "x/" * 2500,
        "../" * 60,
        ";",
        "a;",
        "'",
        '"',
        "\\",
        "%",
        "#",
    ),
    *("ulm_000000_000019", "ulm_000000_000019_gtFine_labelIds.png", *LINKS),
)


def near(names):
    """Mostly names that can be read, or hardly any list would be."""
    return strategies.sampled_from([*FILES, *FILES, *names])


NAMES = strategies.one_of(
    near(["same.png", "inside/a.png", "self/b.png", "x.png", "x/../b.png", *NEAR]),
    near(["/a.png", "./b.png", "in//a.png", "", *LINKS, *FAR]),
    strategies.integers(0, 99).map("n{}.png".format),
    strategies.lists(strategies.sampled_from(PARTS), max_size=4).map("/".join),
)
SEPARATORS = strategies.sampled_from(["\t", "\t", " ", "\t\t", " \t ", "\u3000", ""])
LINES = strategies.one_of(
    strategies.tuples(NAMES, SEPARATORS, NAMES).map("".join),
    strategies.tuples(NAMES, strategies.just("\t"), NAMES).map("".join),
    strategies.tuples(NAMES, strategies.just("\ta.png")).map("".join),
    strategies.tuples(NAMES, strategies.sampled_from(["", "\t", " "])).map("".join),
    strategies.sampled_from(["", " ", "\t", "# a.png", "a b c", "\x0c"]),
)
ENDS = strategies.sampled_from(["\n", "\n", "\r\n", "\r", "\n\n", "\r\r\n"])
LISTS = strategies.builds(
    lambda start, lines, end, last: start + end.join([*lines, *last]),
    strategies.sampled_from(["", "", "\ufeff", "\ufeff\ufeff", "\n"]),
    strategies.lists(LINES, max_size=6),
    ENDS,
    strategies.sampled_from([[], [""]]),
).map(str.encode)
CONTENTS = strategies.one_of(
    *[LISTS] * 8, strategies.text().map(str.encode), strategies.binary()
)
MASK_EVERY = strategies.sampled_from([0, 0, 1, 2, 3])


def make_folder(top):
    """A folder with links to what lies inside and outside of it."""
    folder = top / "data"
    for name in (*FILES, "../outside/secret.png", "gtFine/x", "train.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    for name, target in LINKS.items():
        (folder / name).symlink_to(target)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("fuzz"))


def assert_read_inside_or_refused(read, data, content, mask_every):
    list_file = data.parent / "list.txt"
    for name, folder in (("ROOT", data), ("TOP", data.parent)):
        content = content.replace(name.encode(), str(folder).encode())
    list_file.write_bytes(content)
    examples, message = None, ""
    try:
        examples = read(list_file, mask_every)
    except UserError as error:
        message = str(error)
    if examples is None:
        assert str(list_file) in message
        assert "\n" not in message
        return
    assert_inside(examples, data, mask_every)


def assert_inside(examples, data, mask_every):
    assert isinstance(examples, tuple)
    assert all(isinstance(example, Example) for example in examples)
    images = [os.path.realpath(example.image) for example in examples]
    assert 1 <= len(set(images)) == len(images)
    labelled = examples[::mask_every] if mask_every else ()
    masks = [os.path.realpath(example.mask) for example in labelled]
    assert sum(example.mask is not None for example in examples) == len(masks)
    root = os.path.realpath(data)
    for path in images + masks:
        assert os.path.commonpath([root, path]) == root != path


@hypothesis.given(content=CONTENTS, mask_every=MASK_EVERY)
def test_any_list_is_read_inside_the_data_or_refused(data, content, mask_every):
    def read(list_file, mask_every):
        return read_list(list_file, data, mask_every)

    assert_read_inside_or_refused(read, data, content, mask_every)


@pytest.mark.parametrize("data_set", [CamVid, Cityscapes, PascalVoc])
@hypothesis.given(content=CONTENTS, mask_every=MASK_EVERY)
def test_any_list_of_a_known_data_set_is_too(data, data_set, content, mask_every):
    read = data_set(data).read_listed
    assert_read_inside_or_refused(read, data, content, mask_every)
