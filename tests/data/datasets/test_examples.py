import os
import time
import unicodedata

import pytest

from selene_tf.data.datasets.examples import Example, read_folder, read_list
from tests.refusals import assert_refused


def write_list(folder, content):
    path = folder / "list.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def read_names(folder, content, mask_every=1, **options):
    examples = read_list(write_list(folder, content), folder, mask_every, **options)
    return [
        tuple(
            path and str(path.relative_to(folder)) for path in (item.image, item.mask)
        )
        for item in examples
    ]


@pytest.mark.parametrize(
    "content",
    [
        "b.png m/b.png\na.png m/a.png\n",
        "b.png\tm/b.png\na.png\tm/a.png",
        "\ufeffb.png m/b.png\r\n\r\na.png m/a.png\r\n",
        "/b.png\t/m/b.png\n\n   \n/a.png   /m/a.png \n",
        "x/../b.png m/b.png\n./a.png m//a.png\n",
    ],
    ids=["spaces", "tabs", "windows", "leading slash", "detours"],
)
def test_list_is_read_in_its_own_order(tmp_path, content):
    expected = [("b.png", "m/b.png"), ("a.png", "m/a.png")]
    assert read_names(tmp_path, content) == expected


def test_tab_separated_names_may_hold_spaces(tmp_path):
    content = "my street.png\tmy mask.png\n"
    assert read_names(tmp_path, content) == [("my street.png", "my mask.png")]


def test_absolute_paths_inside_the_data_folder_are_accepted(tmp_path):
    touch(tmp_path, "a.png", "m/a.png")
    content = f"{tmp_path}/a.png {tmp_path}/m/a.png\n"
    assert read_names(tmp_path, content) == [("a.png", "m/a.png")]


def test_in_a_list_without_masks_a_space_may_belong_to_a_name(tmp_path):
    touch(tmp_path, "sp ace.png", "a b c.png", "x.png", "m/x.png")
    content = "sp ace.png\na b c.png\nx.png m/x.png\n"
    names = [("sp ace.png", None), ("a b c.png", None), ("x.png", None)]
    assert read_names(tmp_path, content, mask_every=0, has_masks=False) == names


@pytest.mark.parametrize("line", ["sp ace.png", "x.png m/y.png", "a b c.png"])
def test_a_second_word_that_is_no_file_is_refused(tmp_path, line):
    touch(tmp_path, "x.png", "sp")
    assert_refused(
        lambda: read_names(tmp_path, f"x.png\n{line}\n", 0, has_masks=False),
        "list.txt:2",
        line,
    )


@pytest.mark.parametrize("mask_every", [0, 1])
def test_backslashes_get_a_hint(tmp_path, mask_every):
    touch(tmp_path, "train/a.png", "train/m.png")
    assert_refused(
        lambda: read_names(tmp_path, "train\\a.png\ttrain\\m.png", mask_every),
        *("list.txt:1", "train\\a.png", "'/' between folders"),
    )
    # Elsewhere they are letters of a name.
    touch(tmp_path, "a\\b.png", "m\\b.png")
    names = [("a\\b.png", "m\\b.png" if mask_every else None)]
    assert read_names(tmp_path, "a\\b.png\tm\\b.png", mask_every) == names


def test_letters_with_accents_match_however_they_are_written(tmp_path):
    """A zip of macOS holds letters and accents apart; masks made elsewhere do not."""
    touch(tmp_path, "train/images/Ba\u0308ume.png", "train/masks/B\u00e4ume.png")
    (example,) = read_folder(tmp_path, "train", 1)
    assert example.image.name == "Ba\u0308ume.png"
    assert example.mask.name == "B\u00e4ume.png"


@pytest.mark.parametrize(("listed", "stored"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_listed_name_is_found_however_its_accents_are_written(
    tmp_path, listed, stored
):
    (tmp_path / unicodedata.normalize(stored, "Größe")).mkdir()
    image = tmp_path / unicodedata.normalize(stored, "Größe/é.png")
    image.touch()
    name = unicodedata.normalize(listed, "Größe/é.png")
    (tmp_path / "list.txt").write_text(f"{name}\n{name}x\n", encoding="utf-8")
    read = read_list(tmp_path / "list.txt", tmp_path, 0)
    # What is not there stays as it was written, for the message.
    assert [e.image for e in read] == [image, tmp_path / f"{name}x"]
    (tmp_path / "slash.txt").write_text(f"/{name}\n", encoding="utf-8")
    assert read_list(tmp_path / "slash.txt", tmp_path, 0)[0].image == image


@pytest.mark.parametrize("content", ["a.png\nb.png\n", "a.png ../m/a.png\nb.png x\n"])
def test_masks_of_an_unlabelled_list_are_dropped(tmp_path, content):
    names = read_names(tmp_path, content, mask_every=0)
    assert names == [("a.png", None), ("b.png", None)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a.png m.png\n../b.png m.png\n", ":2: "),
        ("a.png m.png\nb.png x/../../m.png\n", ":2: "),
        ("a.png ..\n", ":1: "),
        ("/ m.png\n", ":1: "),
        (
            "a.png m.png\n\nx/../a.png n.png\n",
            ":3: 'x/../a.png' is the image of line 1",
        ),
        ("a.png\n", ":1: 'a.png' has no mask"),
        ("a.png ./a.png\n", ":1: 'a.png' is its own mask"),
        ("a b.png m.png\n", "found 3 names"),
        ("a\0.png m.png\n", ":1: a file name holds a zero byte"),
        ("\n \r\n", "names no image"),
        ("", "names no image"),
        (b"\xff\xfea\0\n", "not UTF-8"),
    ],
)
def test_faulty_lists_are_refused(tmp_path, content, expected):
    list_file = write_list(tmp_path, content)
    assert_refused(lambda: read_list(list_file, tmp_path, True), list_file, expected)


def test_an_existing_absolute_path_outside_is_refused(tmp_path):
    data = tmp_path / "data"
    touch(tmp_path, "data/m.png", "outside.png")
    list_file = write_list(data, f"{tmp_path}/outside.png m.png\n")
    assert_refused(
        lambda: read_list(list_file, data, True), f"{list_file}:1", "outside the data"
    )


@pytest.mark.parametrize("link", ["file", "folder"])
def test_links_that_lead_outside_are_refused(tmp_path, link):
    data = tmp_path / "data"
    touch(tmp_path, "data/m.png", "far/a.png")
    target, name = ("far/a.png", "a.png") if link == "file" else ("far", "images")
    (data / name).symlink_to(tmp_path / target)
    image = name if link == "file" else "images/a.png"
    list_file = write_list(data, f"{image} m.png\n")
    assert_refused(lambda: read_list(list_file, data, True), f"{list_file}:1", "far/a")


def test_two_links_to_one_image_are_a_duplicate(tmp_path):
    touch(tmp_path, "a.png")
    (tmp_path / "b.png").symlink_to("a.png")
    list_file = write_list(tmp_path, "a.png\nb.png\n")
    assert_refused(lambda: read_list(list_file, tmp_path, False), f"{list_file}:2")


def test_data_folder_may_be_a_link(tmp_path):
    touch(tmp_path, "real/a.png")
    (tmp_path / "link").symlink_to("real")
    list_file = write_list(tmp_path, f"{tmp_path}/link/a.png\n")
    examples = read_list(list_file, tmp_path / "link", False)
    assert examples == (Example(tmp_path / "real" / "a.png", None),)


@pytest.mark.parametrize("has_masks", [True, False])
def test_a_million_lines_are_read_in_seconds(tmp_path, has_masks):
    """A million with masks take 3.6 s on a common core; here it is a tenth."""
    names = [f"{number // 1000}/{number:07}" for number in range(100_000)]
    mask = "\tmasks/{0}.png" if has_masks else ""
    content = "".join(f"images/{{0}}.png{mask}\n".format(name) for name in names)
    list_file = write_list(tmp_path, content)
    started = time.process_time()
    assert len(read_list(list_file, tmp_path, int(has_masks))) == len(names)
    # Twice the five seconds that a million may take, for slower processors.
    assert time.process_time() - started < 1


def test_missing_list_and_missing_data_folder_are_named(tmp_path):
    missing = tmp_path / "no"
    list_file = write_list(tmp_path, "a.png m.png\n")
    assert_refused(lambda: read_list(missing, tmp_path, True), missing, "image mask")
    assert_refused(lambda: read_list(list_file, missing, True), missing)
    assert_refused(lambda: read_folder(missing, "train", True), missing)


def test_folder_pairs_files_by_stem_in_the_order_of_names(tmp_path):
    images = ["b.jpg", "a.PNG", "c.jpeg", ".hidden.png", "notes.txt"]
    touch(tmp_path, *[f"train/images/{name}" for name in images])
    touch(tmp_path, *[f"train/masks/{stem}.png" for stem in "abc"])
    names = [
        (item.image.name, item.mask.name)
        for item in read_folder(tmp_path, "train", True)
    ]
    assert names == [("a.PNG", "a.png"), ("b.jpg", "b.png"), ("c.jpeg", "c.png")]


def test_folder_without_masks_looks_for_none(tmp_path):
    touch(tmp_path, "unlabelled/images/a.png")
    expected = Example(tmp_path / "unlabelled/images/a.png", None)
    assert read_folder(tmp_path, "unlabelled", False) == (expected,)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["masks/a.png"], ["train/images", "split 'train'"]),
        (["images/a.png"], ["train/masks", "split 'train'"]),
        (["images/a.txt", "masks/a.png"], ["Split 'train' is empty", "train/images"]),
        (["images/a.png", "images/b.png", "masks/a.png"], ["images/b.png", "masks/b"]),
        (["images/a.png", "masks/a.png", "masks/b.png"], ["masks/b.png", "no image"]),
        (["images/a.png", "images/a.jpg", "masks/a.png"], ["a.jpg", "a.png", "stem"]),
    ],
    ids=["no images", "no masks", "empty", "no mask", "no image", "same stem"],
)
def test_faulty_folders_are_refused(tmp_path, files, expected):
    touch(tmp_path, *[f"train/{name}" for name in files])
    assert_refused(lambda: read_folder(tmp_path, "train", True), *expected)


def test_links_out_of_the_folder_layout_are_refused(tmp_path):
    touch(tmp_path, "far.png", "data/train/images/b.png")
    os.symlink(tmp_path / "far.png", tmp_path / "data/train/images/a.png")
    assert_refused(
        lambda: read_folder(tmp_path / "data", "train", False), "a.png", "far"
    )


def test_unknown_split_is_refused(tmp_path):
    assert_refused(lambda: read_folder(tmp_path, "test", True), "'test'", "unlabelled")
