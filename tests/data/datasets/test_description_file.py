import json
import os

import numpy as np
import pytest
from PIL import Image

from selene_tf.data.datasets import dataset_info, description_file
from selene_tf.data.files.pillow_reading import read_mask
from tests.refusals import assert_refused

NAMES = 'class_names = ["road", "building"]\n'


def write(folder, content, name="dataset.toml"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read_toml(folder, content):
    return description_file.read(write(folder, content))


def save_mask(folder, pixels):
    path = folder / "mask.png"
    Image.fromarray(np.array(pixels, np.uint8)).save(path)
    return path


def test_only_the_names_are_needed(tmp_path):
    info = read_toml(tmp_path, NAMES)
    assert info == dataset_info.folder_info(("road", "building"), 255)


def test_toml_and_json_say_the_same(tmp_path):
    toml = NAMES + (
        "colours = [[128, 64, 128], [70, 70, 70]]\n"
        "ignore_label = 9\n"
        '[label_map]\n7 = "road"\n11 = 1\n0 = "ignore"\n'
        '[mask_colours]\n"1,2,3" = "road"\n"4, 5, 6" = 1\n"0,0,0" = "ignore"\n'
    )
    content = {
        "class_names": ["road", "building"],
        "colours": [[128, 64, 128], [70, 70, 70]],
        "ignore_label": 9,
        "label_map": {"7": "road", "11": 1, "0": "ignore"},
        "mask_colours": {"1,2,3": "road", "4, 5, 6": 1, "0,0,0": "ignore"},
    }
    info = read_toml(tmp_path, toml)
    json_file = write(tmp_path, json.dumps(content), "dataset.json")
    assert info == description_file.read(json_file)
    assert info.name == "folder"
    assert info.class_names == ("road", "building")
    assert info.colours == ((128, 64, 128), (70, 70, 70))
    assert info.labels.ids == {7: 0, 11: 1, 0: 255, 9: 255}
    assert info.labels.colours == {(1, 2, 3): 0, (4, 5, 6): 1, (0, 0, 0): 255}


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbf" + NAMES.encode(), NAMES.replace("\n", "\r\n").encode()],
    ids=["byte order mark", "windows"],
)
def test_what_windows_editors_write_does_no_harm(tmp_path, content):
    assert read_toml(tmp_path, content).num_classes == 2


def test_the_ignore_label_holds_beside_the_ids(tmp_path):
    labels = read_toml(tmp_path, NAMES + "ignore_label = 2").labels
    np.testing.assert_array_equal(
        read_mask(save_mask(tmp_path, [[0, 1, 2]]), labels), [[0, 1, 255]]
    )


def test_a_mask_is_read_through_the_label_map(tmp_path):
    labels = read_toml(
        tmp_path,
        NAMES + 'label_map = { 7 = "road", 8 = "road", 255 = "ignore", 11 = 1 }',
    ).labels
    path = save_mask(tmp_path, [[7, 8, 11], [255, 11, 7]])
    np.testing.assert_array_equal(read_mask(path, labels), [[0, 0, 1], [255, 1, 0]])


def test_values_outside_the_label_map_are_refused(tmp_path):
    labels = read_toml(tmp_path, NAMES + "label_map = { 7 = 0, 11 = 1 }").labels
    path = save_mask(tmp_path, [[7, 0, 11]])
    assert_refused(lambda: read_mask(path, labels), path, "id 0 in", "7, 11", "255")


def test_a_mask_is_read_through_mask_colours(tmp_path):
    labels = read_toml(
        tmp_path,
        NAMES + "[mask_colours]\n"
        '"128,64,128" = "road"\n"0,0,0" = 1\n"9,9,9" = "ignore"\n"7,7,7" = 0\n',
    ).labels
    pixels = [[[128, 64, 128], [0, 0, 0]], [[9, 9, 9], [7, 7, 7]]]
    path = save_mask(tmp_path, pixels)
    np.testing.assert_array_equal(read_mask(path, labels), [[0, 1], [255, 0]])
    other = save_mask(tmp_path, [[[128, 64, 127]]])
    assert_refused(lambda: read_mask(other, labels), other, "(128, 64, 127)")


@pytest.mark.parametrize(
    ("colours", "expected"),
    [
        ([[128, 64, 128], [70, 70, 70]], [[0, 1, 255]]),
        ([[128, 64, 128], [0, 0, 0]], [[0, None, 1]]),
    ],
    ids=["black is no class", "black is a class"],
)
def test_without_mask_colours_the_colours_hold(tmp_path, colours, expected):
    labels = read_toml(tmp_path, NAMES + f"colours = {colours}").labels
    pixels = [[[128, 64, 128], [70, 70, 70], [0, 0, 0]]]
    known = [x for x, class_id in enumerate(expected[0]) if class_id is not None]
    path = save_mask(tmp_path, np.array(pixels)[:, known])
    np.testing.assert_array_equal(
        read_mask(path, labels), np.array(expected)[:, known].astype(int)
    )


def test_without_any_colours_colour_masks_are_refused(tmp_path):
    labels = read_toml(tmp_path, NAMES).labels
    path = save_mask(tmp_path, [[[0, 0, 0]]])
    assert_refused(lambda: read_mask(path, labels), path, "colour PNG")


def test_a_class_may_be_called_ignore_where_no_table_uses_the_word(tmp_path):
    names = ("road", "ignore")
    info = read_toml(tmp_path, 'class_names = ["road", "ignore"]')
    assert info.class_names == names


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", ["found no class_names"]),
        ("a = 1", ["unknown key 'a'", "class_names, colours, ignore_label"]),
        ("class_name = 1", ["'class_name' (did you mean 'class_names'?)"]),
        ('class_names = "road"', ["class_names: found 'road' of type str", "list"]),
        ('class_names = ["road"]', ["class_names: found ['road']", "two or more"]),
        ('class_names = ["road", 1]', ["class_names[1]: found 1 of type int"]),
        ('class_names = ["a", "b\\nc"]', ["class_names[1]: found 'b\\nc'"]),
        ('class_names = ["a", "a"]', ["class_names: ", "'a' stands twice"]),
        ('class_names = ["a", " "]', ["class_names: ", "class 1 is empty"]),
        (f"class_names = {[str(i) for i in range(255)]}", ["class_names: 255 "]),
        ('class_names = ["a", "ignore"]\nlabel_map = { 0 = 0 }', ["found 'ignore'"]),
        ("class_names = [}\n", ["is not TOML: ", "line 1"]),
        (NAMES + NAMES, ["is not TOML: ", "line 2"]),
        ("a = " + "[" * 10000, ["is not TOML"]),
        ("a = " + "9" * 5000, ["is not TOML"]),
        (b"class_names = ['\xff']", ["not UTF-8 text"]),
        # Python's parser would take minutes.
        pytest.param(
            ".".join("a" * 100_000) + " = 1",
            ["is not TOML", "line 1 has a key without end"],
            id="long key",
        ),
        pytest.param("#" * 1_000_001, ["more than 1,000,000 bytes"], id="long file"),
    ],
)
def test_faulty_toml_is_refused(tmp_path, content, expected):
    path = write(tmp_path, content)
    assert_refused(lambda: description_file.read(path), path, *expected)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("colors = 1", ["'colors' (did you mean 'colours'?)"]),
        ("colours = 1", ["colours: found 1 of type int", "list of 2 colours"]),
        ("colours = [[1, 2, 3]]", ["colours: found [[1, 2, 3]]", "of 2 col"]),
        ("colours = [[1, 2, 3], 4]", ["colours[1]: found 4 of type int"]),
        ("colours = [[1, 2], [3, 4]]", ["colours[0]: found [1, 2]"]),
        ("colours = [[1, 2, 256], [3, 4, 5]]", ["colours[0]", "0 to 255"]),
        ("colours = [[1, 2, true], [3, 4, 5]]", ["colours[0]: found [1, 2, T"]),
        ("colours = [[1, 2, 3], [1, 2, 3]]", ["colours[1]", "than class 0"]),
        ("ignore_label = true", ["ignore_label: found True of type bool"]),
        ("ignore_label = 255.0", ["ignore_label: found 255.0 of type float"]),
        ('ignore_label = "255"', ["ignore_label: found '255' of type str"]),
        ("ignore_label = 256", ["ignore_label: found 256", "0 to 255"]),
        ("ignore_label = 1", ["ignore_label: ", "also the id of a class"]),
        ("label_map = [0, 1]", ["label_map: found [0, 1] of type list"]),
        ("label_map = { 256 = 0 }", ["label_map: found '256'", "0 to 255"]),
        ("label_map = { -1 = 0 }", ["label_map: found '-1'", "0 to 255"]),
        ('label_map = { "٣" = 0 }', ["label_map: found '٣'", "0 to 255"]),
        ("label_map = { 7 = 0, 07 = 1 }", ["label_map: found '07'", "once"]),
        ("label_map = { 7 = 2 }", ["label_map: '7': found 2", "id from 0 to 1"]),
        ("label_map = { 7 = true }", ["label_map: '7': found True of type boo"]),
        ("label_map = { 7.1 = 0 }", ["label_map: '7': found {'1': 0}"]),
        (
            'label_map = { 7 = "raod" }',
            ["label_map: '7': found 'raod'", "(did you mean 'road'?)", "'ignore'"],
        ),
        ("label_map = { 7 = 0 }", ["label_map: found no value", "1, 'building'"]),
        (
            "ignore_label = 255\nlabel_map = { 7 = 0, 255 = 1 }",
            ["label_map: ", "for 255, which is"],
        ),
        ("mask_colours = 1", ["mask_colours: found 1 of type int"]),
        ('mask_colours = { "1,2" = 0 }', ["mask_colours: found '1,2'", "red"]),
        ('mask_colours = { "1,2,256" = 0 }', ["mask_colours: found '1,2,256'"]),
        (
            'mask_colours = { "1,2,3" = 0, "1, 2, 3" = 1 }',
            ["mask_colours: found '1, 2, 3'", "once"],
        ),
        (
            'mask_colours = { "1,2,3" = 0 }',
            ["mask_colours: found no colour", "'building'"],
        ),
        (f"ignore_label = 0x{'f' * 5000}", ["ignore_label: ", "too large"]),
    ],
)
def test_faulty_keys_beside_two_classes_are_refused(tmp_path, content, expected):
    path = write(tmp_path, NAMES + content)
    assert_refused(lambda: description_file.read(path), path, *expected)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("[1]", ["top level: found [1] of type list"]),
        ('{"class_names": ["a", "b"],}', ["is not JSON: ", "line 1"]),
        ('{"class_names": 1, "class_names": 2}', ["'class_names' stands twice"]),
        (
            '{"class_names": ["a", "b"], "label_map": {"0": 0, "0": 1}}',
            ["key '0' stands twice"],
        ),
        ('{"class_names": ["a", "\\ud800"]}', ["class_names[1]: found '\\ud800'"]),
        ('{"class_names": ["a", "b"], "colours": null}', ["colours: found None"]),
        ('{"class_names": ["a", "b"], "ignore_label": NaN}', ["found nan of type flo"]),
        ("[" * 100000, ["is not JSON"]),
        ("", ["is not JSON"]),
    ],
)
def test_faulty_json_is_refused(tmp_path, content, expected):
    path = write(tmp_path, content, "dataset.json")
    assert_refused(lambda: description_file.read(path), path, *expected)


def test_other_files_are_refused(tmp_path):
    yaml = write(tmp_path, "a: 1", "dataset.yaml")
    missing, folder = tmp_path / "no.toml", tmp_path / "folder.json"
    folder.mkdir()
    assert_refused(
        lambda: description_file.read(yaml), yaml, "'.yaml'", ".toml or .json"
    )
    assert_refused(lambda: description_file.read(missing), missing, "Check the path")
    assert_refused(lambda: description_file.read(folder), folder, "Check the path")


@pytest.mark.parametrize("name", ["dataset.toml", "dataset.json"])
def test_the_folders_own_file_is_found(tmp_path, name):
    assert description_file.find(tmp_path, "") is None
    path = write(tmp_path, "", name)
    assert description_file.find(str(tmp_path), "") == path


def test_a_named_file_goes_before_the_folders_own(tmp_path, monkeypatch):
    data, work = tmp_path / "data", tmp_path / "work"
    data.mkdir()
    work.mkdir()
    monkeypatch.chdir(work)
    write(data, "")
    in_data = write(data, "", "other.toml")
    assert description_file.find(data, "other.toml") == in_data
    assert description_file.find(data, str(in_data)) == in_data
    in_work = write(work, "", "other.toml")
    assert description_file.find(data, "other.toml").resolve() == in_work


def test_a_missing_and_an_ambiguous_file_are_refused(tmp_path):
    paths = [write(tmp_path, "", name) for name in ("dataset.toml", "dataset.json")]
    assert_refused(
        lambda: description_file.find(tmp_path, ""), *paths, "--dataset_file"
    )
    assert_refused(
        lambda: description_file.find(tmp_path, "no.toml"), "'no.toml'", tmp_path
    )


def test_a_link_to_nowhere_is_found_and_refused(tmp_path):
    os.symlink(tmp_path / "gone", tmp_path / "dataset.toml")
    path = description_file.find(tmp_path, "")
    assert_refused(lambda: description_file.read(path), path)
