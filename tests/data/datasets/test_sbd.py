import functools
import os
import sys

import numpy as np
import pytest
from PIL import Image

from selene_tf.data.datasets import dataset_info, sbd
from selene_tf.data.files.pillow_reading import read_mask
from tests.commands import run_process
from tests.refusals import assert_refused

scipy_io = pytest.importorskip("scipy.io", reason="SciPy comes with the extra 'voc'")

# Height and width differ, and so do all rows and columns.
VALUES = np.array([[0, 1, 2, 20], [3, 255, 5, 6], [7, 8, 9, 10]], np.uint8)
TRAIN, VAL, NEW = ["2007_01", "2007_03"], ["2007_02"], ["2008_01", "2008_02"]
# Runs the command in a process that finds no TensorFlow.
WITHOUT_TENSORFLOW = (
    "import runpy, sys; sys.modules['tensorflow'] = None; "
    "runpy.run_module('selene_tf.convert_sbd', run_name='__main__', alter_sys=True)"
)


def write_mat(path, values):
    things = {"CategoriesPresent": np.array([[3]], np.uint8), "Boundaries": np.eye(3)}
    content = {"GTcls": {"Segmentation": values, **things}}
    scipy_io.savemat(path, content, do_compression=True)


def write_original(voc, name, values):
    image = Image.fromarray(values)
    image.putpalette([0, 0, 0, 128, 0, 0] * 128)
    image.save(voc / f"SegmentationClass/{name}.png", compress_level=1)


@pytest.fixture
def voc(tmp_path):
    folder = tmp_path / "VOCdevkit" / "VOC2012"
    for name in ("ImageSets/Segmentation", "JPEGImages", "SegmentationClass"):
        (folder / name).mkdir(parents=True)
    for part, names in (("train", TRAIN), ("val", VAL)):
        text = "".join(f"{name}\r\n" for name in names)
        (folder / f"ImageSets/Segmentation/{part}.txt").write_text(text)
    for name in TRAIN + VAL + NEW:
        Image.new("RGB", (4, 3)).save(folder / f"JPEGImages/{name}.jpg")
    for shift, name in enumerate(TRAIN):
        write_original(folder, name, np.roll(VALUES, shift, axis=1))
    return folder


@pytest.fixture
def cls(tmp_path):
    """The masks of SBD; those of VOC's own images are other ones."""
    folder = tmp_path / "benchmark_RELEASE" / "dataset" / "cls"
    folder.mkdir(parents=True)
    for name in TRAIN + VAL:
        write_mat(folder / f"{name}.mat", np.full((3, 4), 11, np.uint8))
    for shift, name in enumerate(NEW):
        write_mat(folder / f"{name}.mat", np.roll(VALUES, shift, axis=0))
    return folder


def assert_nothing_left(voc):
    """No output, whole or half, beside what was there."""
    known = ["ImageSets", "JPEGImages", "SegmentationClass"]
    assert sorted(os.listdir(voc)) == known


def test_vocs_masks_are_copied_and_the_others_converted(voc, cls):
    converted = sbd.convert(cls.parent, voc)
    output = voc / "SegmentationClassAug"
    assert converted == sbd.Converted(2, 2, output)
    assert sorted(os.listdir(output)) == [f"{name}.png" for name in TRAIN + NEW]
    for name in TRAIN:
        expected = (voc / f"SegmentationClass/{name}.png").read_bytes()
        assert (output / f"{name}.png").read_bytes() == expected
    for shift, name in enumerate(NEW):
        mask = read_mask(output / f"{name}.png", dataset_info.PASCAL_VOC.labels)
        np.testing.assert_array_equal(mask, np.roll(VALUES, shift, axis=0))


def test_converted_masks_have_8_bits_and_the_colours_of_voc(voc, cls):
    output = sbd.convert(cls.parent, voc).folder
    content = (output / "2008_01.png").read_bytes()
    # Bits and colour type of a PNG: 8, palette.
    assert (content[24], content[25]) == (8, 3)
    colours = np.array(Image.open(output / "2008_01.png").convert("RGB"))
    # Published colours of background, aeroplane, tvmonitor and the border.
    assert colours[0, 0].tolist() == [0, 0, 0]
    assert colours[0, 1].tolist() == [128, 0, 0]
    assert colours[0, 3].tolist() == [0, 64, 128]
    assert colours[1, 1].tolist() == [224, 224, 192]


@pytest.mark.parametrize("above_sbd", [0, 1, 2])
@pytest.mark.parametrize("above_voc", [0, 1, 2])
def test_the_folders_above_will_do(voc, cls, above_sbd, above_voc):
    sbd_dir = [cls.parent, cls.parents[1], cls.parents[2]][above_sbd]
    voc_dir = [voc, voc.parent, voc.parents[1]][above_voc]
    assert sbd.convert(sbd_dir, voc_dir).folder == voc / "SegmentationClassAug"


def test_progress_is_reported_after_each_mask(voc, cls):
    calls = []
    sbd.convert(cls.parent, voc, progress=lambda *numbers: calls.append(numbers))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_hidden_files_beside_the_masks_are_passed_over(voc, cls):
    (cls / "._2008_03.mat").touch()
    assert sbd.convert(cls.parent, voc).num_converted == 2


def test_an_output_that_holds_files_is_never_touched(voc, cls, tmp_path):
    output = tmp_path / "output"
    output.mkdir()
    (output / "mine.txt").write_text("mine")
    for taken in (output, output / "mine.txt"):
        action = functools.partial(sbd.convert, cls.parent, voc, taken)
        assert_refused(action, "--output", taken, "exists already")
    assert (output / "mine.txt").read_text() == "mine"


def test_an_empty_output_and_a_link_to_one_are_filled(voc, cls, tmp_path):
    (tmp_path / "output").mkdir()
    (tmp_path / "link").symlink_to("output")
    converted = sbd.convert(cls.parent, voc, tmp_path / "link")
    assert converted.folder == tmp_path / "output"
    assert len(os.listdir(tmp_path / "output")) == 4


def test_an_output_in_no_folder_is_refused(voc, cls, tmp_path):
    output = tmp_path / "no" / "output"
    assert_refused(lambda: sbd.convert(cls.parent, voc, output), output.parent)


def test_what_a_kill_left_is_removed(voc, cls):
    leftover = voc / ".SegmentationClassAug.part"
    leftover.mkdir()
    (leftover / "2009_01.png").write_text("half")
    output = sbd.convert(cls.parent, voc).folder
    assert len(os.listdir(output)) == 4
    assert not leftover.exists()


def test_until_the_end_there_is_no_output(voc, cls):
    def stop(done, total):
        assert not (voc / "SegmentationClassAug").exists()
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sbd.convert(cls.parent, voc, progress=stop)
    assert_nothing_left(voc)


def test_files_that_vanish_while_they_are_written_are_missed(voc, cls):
    def remove(done, total):
        if done == total:
            (voc / ".SegmentationClassAug.part" / "2007_01.png").unlink()

    action = functools.partial(sbd.convert, cls.parent, voc, progress=remove)
    assert_refused(action, "--output", "lost files")
    assert_nothing_left(voc)


def test_a_full_disk_is_one_line(voc, cls, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    output = voc / "SegmentationClassAug"
    assert_refused(lambda: sbd.convert(cls.parent, voc), output, "No space left")
    assert_nothing_left(voc)


def damage(content):
    """Breaks the compressed part or the tags behind the header of a .mat."""
    return content[:140] + b"\xff" * 40 + content[180:]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (VALUES + np.uint8(1), ["class id 21", "(0, 3)", "0 to 20"]),
        (VALUES[:, :3], ["3 x 3", "2008_02.jpg is 4 x 3"]),
        (VALUES.T, ["3 x 4", "2008_02.jpg is 4 x 3"]),
        (VALUES.astype(np.float64), ["float64 of shape (3, 4)", "bytes"]),
        (VALUES[None], ["uint8 of shape (1, 3, 4)"]),
    ],
    ids=["class", "size", "turned", "type", "three dimensions"],
)
def test_faulty_masks_are_refused(voc, cls, values, expected):
    path = cls / "2008_02.mat"
    write_mat(path, values)
    assert_refused(lambda: sbd.convert(cls.parent, voc), path, *expected)
    assert_nothing_left(voc)


@pytest.mark.parametrize(
    "change", [damage, lambda content: content[:150], lambda _: b""]
)
def test_damaged_files_are_refused(voc, cls, change):
    path = cls / "2008_02.mat"
    path.write_bytes(change(path.read_bytes()))
    assert_refused(lambda: sbd.convert(cls.parent, voc), path, "GTcls.Segmentation")
    assert_nothing_left(voc)


@pytest.mark.parametrize("content", [{"other": 1}, {"GTcls": 1}, {"GTcls": {"a": 1}}])
def test_other_mat_files_are_refused(voc, cls, content):
    path = cls / "2008_02.mat"
    scipy_io.savemat(path, content)
    assert_refused(lambda: sbd.convert(cls.parent, voc), path, "GTcls.Segmentation")


@pytest.mark.parametrize(
    "name",
    [
        "JPEGImages/2008_02.jpg",
        "JPEGImages/2007_03.jpg",
        "SegmentationClass/2007_03.png",
        "ImageSets/Segmentation/val.txt",
    ],
)
def test_missing_and_damaged_files_of_voc_are_refused(voc, cls, name):
    (voc / name).write_bytes(b"\xff\xfe\0")
    assert_refused(lambda: sbd.convert(cls.parent, voc), voc / name)
    (voc / name).unlink()
    assert_refused(lambda: sbd.convert(cls.parent, voc), voc / name)
    assert_nothing_left(voc)


def test_a_mask_of_vocs_of_another_size_is_refused(voc, cls):
    write_original(voc, "2007_03", VALUES.T)
    assert_refused(
        lambda: sbd.convert(cls.parent, voc), "2007_03.png is 3 x 4", "is 4 x 3"
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [("", "found 0 names"), ("../a\n", "'../a'"), ("a\na\n", "2 names, 1 of them")],
)
def test_faulty_lists_are_refused(voc, cls, content, expected):
    path = voc / "ImageSets/Segmentation/train.txt"
    path.write_text(content)
    assert_refused(lambda: sbd.convert(cls.parent, voc), path, expected)


def test_missing_folders_are_named(voc, cls, tmp_path):
    empty = tmp_path / "empty"
    (empty / "cls").mkdir(parents=True)
    for sbd_dir, voc_dir, expected in [
        ("", voc, ["--sbd_dir: found nothing"]),
        (voc, voc, ["--sbd_dir", voc, "benchmark_RELEASE/dataset/cls"]),
        (empty, voc, ["--sbd_dir", empty / "cls", "no .mat file"]),
        (cls.parent, "", ["--voc_dir: found no JPEGImages"]),
        (cls.parent, cls, ["--voc_dir", cls, "VOCdevkit/VOC2012"]),
    ]:
        folders = (sbd_dir, voc_dir)
        assert_refused(lambda folders=folders: sbd.convert(*folders), *expected)


def test_the_command_converts_without_tensorflow(voc, cls, tmp_path):
    output = tmp_path / "masks"
    arguments = [f"--sbd_dir={cls.parent}", f"--voc_dir={voc}", f"--output={output}"]
    result = run_process("-c", WITHOUT_TENSORFLOW, *arguments)
    assert result.returncode == 0, result.stderr
    assert not result.stderr
    assert result.stdout == (
        f"2 masks of VOC and 2 of SBD are in {output}; complete, they are 1464 and "
        "9118\n"
    )
    assert len(os.listdir(output)) == 4


def test_without_scipy_the_refusal_says_what_to_install(voc, cls, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    assert_refused(
        lambda: sbd.convert(cls.parent, voc),
        "SciPy",
        "pip install 'selene_tf[voc]'",
        "'.[voc]'",
    )
