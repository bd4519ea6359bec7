from selene_tf.data.datasets import duplicates


def write(folder, **contents):
    paths = []
    for name, content in contents.items():
        paths.append(folder / name)
        paths[-1].write_bytes(content)
    return paths


def find(paths):
    groups = duplicates.find({"part": paths})
    assert all(name == "part" for group in groups for name, _ in group)
    return [tuple(path for _, path in group) for group in groups]


def test_files_of_the_same_bytes_stand_together_in_the_given_order(tmp_path):
    a, b, c, d, e, f = write(
        tmp_path, a=b"one", b=b"three", c=b"two", d=b"three", e=b"one", f=b"three"
    )
    assert find([a, b, c, d, e, f]) == [(a, e), (b, d, f)]
    assert find([f, e, d, c, b, a]) == [(f, d, b), (e, a)]


def test_one_length_and_one_beginning_are_not_enough(tmp_path):
    long = bytes(1_000_000)
    assert find(write(tmp_path, a=long + b"a", b=long + b"b", c=long)) == []


def test_missing_and_empty_files_and_folders_are_equal_to_none(tmp_path):
    a, b, c, d = write(tmp_path, a=b"", b=b"", c=b"one", d=b"one")
    (tmp_path / "x").mkdir()
    (tmp_path / "y").mkdir()
    others = [tmp_path / name for name in ("x", "y", "gone", "lost")]
    assert find([*others, a, b, c, d]) == [(c, d)]
    assert find([]) == []


def test_a_copy_in_another_part_is_another_matter_than_one_in_its_own(tmp_path):
    a, b, c, d, e = write(tmp_path, a=b"1", b=b"1", c=b"2", d=b"1", e=b"1")
    groups = duplicates.find({"labelled": [a, b], "validation": [c, d, e]})
    parts = ["labelled", "labelled", "validation", "validation"]
    assert groups == [tuple(zip(parts, (a, b, d, e), strict=True))]
    assert duplicates.within_parts(groups) == {
        "labelled": [(b, a)],
        "validation": [(e, d)],
    }
    lines = duplicates.leaks(groups)
    assert len(lines) == 2
    for line, path in zip(lines, (d, e), strict=True):
        assert line.startswith(f"validation: {path} ")
        assert f"{a}, which is labelled" in line
