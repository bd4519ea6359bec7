import dataclasses
import os

import pytest

from selene_tf.data.datasets import fingerprint
from selene_tf.data.datasets.examples import Example
from selene_tf.data.datasets.splits import Split
from selene_tf.data.datasets.tfds_records import Record


@pytest.fixture
def split(tmp_path):
    def example(name, has_mask=True):
        paths = [tmp_path / f"{name}.png", tmp_path / f"{name}_mask.png"]
        for path in paths[: 1 + has_mask]:
            path.write_bytes(f"content of {path.name}".encode())
        return Example(paths[0], paths[1] if has_mask else None)

    return Split(
        labelled=(example("a"), example("b")),
        unlabelled=(example("c", has_mask=False),),
        validation=(example("d"),),
    )


def changes_after(split, folder, change):
    before = fingerprint.fingerprint(split, folder)
    assert fingerprint.is_one(before)
    changed = change() or split
    return list(fingerprint.changes(before, fingerprint.fingerprint(changed, folder)))


def test_the_same_files_are_the_same_wherever_they_lie(split, tmp_path):
    before = fingerprint.fingerprint(split, tmp_path)
    moved = tmp_path.with_name("moved")
    tmp_path.rename(moved)

    def there(examples):
        names = [(e.image, e.mask) for e in examples]
        return tuple(
            Example(*(path and moved / path.name for path in pair)) for pair in names
        )

    parts = {f.name: there(getattr(split, f.name)) for f in dataclasses.fields(split)}
    assert fingerprint.fingerprint(Split(**parts), moved) == before
    moved.rename(tmp_path)


def test_what_changed_is_told(split, tmp_path):
    def longer():
        (tmp_path / "c.png").write_bytes(b"content of another length")

    def other_mask():
        (tmp_path / "b_mask.png").write_bytes(b"CONTENT OF b_mask.png")

    def fewer():
        return dataclasses.replace(split, labelled=split.labelled[:1])

    def renamed():
        os.rename(tmp_path / "d.png", tmp_path / "e.png")
        example = Example(tmp_path / "e.png", tmp_path / "d_mask.png")
        return dataclasses.replace(split, validation=(example,))

    def without():
        return dataclasses.replace(split, unlabelled=())

    for change, text in (
        (longer, "unlabelled: files of another size"),
        (other_mask, "labelled: masks of another content"),
        (fewer, "labelled: 2 images then, 1 now"),
        (without, "unlabelled images are gone"),
        (renamed, "validation: other files, as many as then"),
        (lambda: None, None),
    ):
        assert changes_after(split, tmp_path, change) == ([text] if text else [])


@pytest.mark.parametrize("content", [[], 7, {"a": 1}, {"a": {"images": 1}}])
def test_something_else_is_none(content):
    assert not fingerprint.is_one(content)


def test_records_of_larger_files_have_none():
    record = Record("name in an archive", "mask", "shard", 0, 1)
    parts = Split(labelled=(record,), unlabelled=(), validation=(record,))
    assert fingerprint.fingerprint(parts, "/") == {}
