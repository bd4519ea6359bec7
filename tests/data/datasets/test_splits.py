from pathlib import Path

import pytest

from selene_tf.data.datasets.examples import Example
from selene_tf.data.datasets.image_folder import ImageFolder, find_layout
from selene_tf.data.datasets.splits import make_split, take_every
from selene_tf.data.files.label_map import index
from tests.refusals import assert_refused

CAMVID = Path(__file__).parents[3].parent / "shared" / "data" / "camvid"


def make_examples(count):
    return tuple(
        Example(Path(f"{number}.png"), Path(f"{number}_mask.png"))
        for number in range(count)
    )


def write(folder, name, images, masks=True):
    lines = [
        f"{stem}.png\t{stem}_mask.png" if masks else f"{stem}.png" for stem in images
    ]
    (folder / name).write_text("\n".join(lines))


def stems(examples):
    return "".join(example.image.stem for example in examples)


def opened(folder):
    return ImageFolder(folder, index(2))


@pytest.fixture
def data(tmp_path):
    write(tmp_path, "train.txt", "abcde")
    write(tmp_path, "val.txt", "yz")
    return tmp_path


@pytest.mark.parametrize(
    ("ratio", "labelled"), [(1, [0, 1, 2, 3, 4]), (2, [0, 2, 4]), (3, [0, 3]), (9, [0])]
)
def test_take_every_keeps_each_label_of_the_rule(ratio, labelled):
    examples = make_examples(5)
    kept, rest = take_every(examples, ratio)
    assert kept == tuple(examples[number] for number in labelled)
    others = [number for number in range(5) if number not in labelled]
    assert rest == tuple(Example(examples[number].image, None) for number in others)


@pytest.mark.parametrize(
    ("total", "ratio", "sizes"),
    # The published sizes of Pascal VOC and Cityscapes.
    [
        (10582, 16, (662, 9920)),
        (10582, 8, (1323, 9259)),
        (10582, 2, (5291, 5291)),
        (2975, 16, (186, 2789)),
        (2975, 4, (744, 2231)),
    ],
)
def test_take_every_gives_the_published_sizes(total, ratio, sizes):
    kept, rest = take_every(make_examples(total), ratio)
    assert (len(kept), len(rest)) == sizes


@pytest.mark.parametrize("ratio", [0, -2, 2.5, float("nan")])
def test_take_every_refuses_a_ratio_that_is_none(ratio):
    assert_refused(lambda: take_every(make_examples(3), ratio), str(ratio))


def test_rule_takes_lists_and_adds_unlabelled_txt(data):
    write(data, "unlabelled.txt", "uv", masks=False)
    split = make_split(opened(data), 2)
    assert stems(split.labelled) == "ace"
    assert stems(split.unlabelled) == "bduv"
    assert stems(split.validation) == "yz"
    assert all(example.mask is None for example in split.unlabelled)
    assert all(example.mask for example in split.labelled + split.validation)


def test_labelled_list_leaves_the_rest_unlabelled(data):
    write(data, "some.txt", "db")
    split = make_split(opened(data), 2, labelled_list="some.txt")
    assert stems(split.labelled) == "db"
    assert stems(split.unlabelled) == "ace"
    assert all(example.mask is None for example in split.unlabelled)


def test_lists_replace_their_parts(data):
    write(data, "l.txt", "d")
    write(data, "u.txt", "a", masks=False)
    write(data, "v.txt", "e")
    split = make_split(opened(data), 2, "l.txt", "u.txt", "v.txt")
    parts = (split.labelled, split.unlabelled, split.validation)
    assert [stems(part) for part in parts] == ["d", "a", "e"]


def test_list_is_looked_for_in_the_working_folder_first(data, monkeypatch):
    (data / "here").mkdir()
    write(data, "l.txt", "a")
    write(data / "here", "l.txt", "b")
    monkeypatch.chdir(data / "here")
    assert stems(make_split(opened(data), 1, "l.txt").labelled) == "b"


@pytest.mark.parametrize(
    ("files", "lists", "expected"),
    [
        ({"val.txt": "ya"}, {}, ["/a.png", "labelled", "validation"]),
        ({"val.txt": "yb"}, {}, ["/b.png", "unlabelled", "validation"]),
        ({"unlabelled.txt": "ua"}, {}, ["/a.png", "labelled", "unlabelled"]),
        ({"unlabelled.txt": "ub"}, {}, ["/b.png", "unlabelled"]),
        ({"u.txt": "bc"}, {"unlabelled_list": "u.txt"}, ["/c.png", "unlabelled"]),
        ({"l.txt": "xz"}, {"labelled_list": "l.txt"}, ["/z.png", "validation"]),
    ],
)
def test_an_image_in_two_parts_is_refused(data, files, lists, expected):
    for name, images in files.items():
        write(data, name, images)
    assert_refused(lambda: make_split(opened(data), 2, **lists), *expected)


def test_missing_lists_are_named(data):
    assert_refused(lambda: make_split(opened(data), 2, "no.txt"), "no.txt", data)
    (data / "val.txt").unlink()
    assert_refused(lambda: make_split(opened(data), 2), data / "val.txt")


def test_missing_layout_names_what_is_expected(tmp_path):
    assert_refused(lambda: find_layout(tmp_path), tmp_path, "train.txt", "train/images")
    assert_refused(lambda: find_layout(tmp_path / "no"), tmp_path / "no")


@pytest.mark.parametrize(("extra", "unlabelled"), [("", "b"), ("u", "bu")])
def test_folder_layout_follows_the_same_rule(tmp_path, extra, unlabelled):
    for split, names in {"train": "abc", "val": "z", "unlabelled": extra}.items():
        for kind in ("images", "masks") if names else ():
            (tmp_path / split / kind).mkdir(parents=True)
            for name in names:
                (tmp_path / split / kind / f"{name}.png").touch()
    split = make_split(opened(tmp_path), 2)
    assert stems(split.labelled) == "ac"
    assert stems(split.unlabelled) == unlabelled
    assert stems(split.validation) == "z"


@pytest.mark.skipif(not CAMVID.is_dir(), reason=f"no CamVid images in {CAMVID}")
def test_camvid_is_split_by_the_rule():
    split = make_split(opened(CAMVID), 8)
    assert len(split.labelled) + len(split.unlabelled) == 367
    assert (len(split.labelled), len(split.unlabelled)) == (46, 321)
    assert len(split.validation) == 101
