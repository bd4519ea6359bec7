"""Makes the masks of the augmented training set of Pascal VOC.

It is VOC's own 1464 training masks and 9118 masks of SBD, the Semantic Boundaries
Dataset of Hariharan et al. 2011, for images that VOC has without masks. VOC's
masks leave the borders of things out, as 255; those of SBD do not.
"""

import contextlib
import dataclasses
import os
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from selene_tf.data.datasets import dataset_info, pascal_voc
from selene_tf.data.files import image_files, pillow_reading
from selene_tf.data.files.label_map import IGNORE_LABEL
from selene_tf.errors import UserError

# How many masks the two data sets have, complete.
NUM_ORIGINAL, NUM_CONVERTED = 1464, 9118
_PALETTE = [
    channel for value in range(256) for channel in dataset_info.bit_colour(value)
]
_PLACES = (".", "dataset", "benchmark_RELEASE/dataset")


@dataclasses.dataclass(frozen=True)
class Converted:
    """What was written.

    Args:
        num_original: Masks copied from VOC.
        num_converted: Masks converted from SBD.
        folder: The folder that holds them.
    """

    num_original: int
    num_converted: int
    folder: Path


def convert(sbd_dir, voc_dir, output="", progress=None):
    """Writes the masks as PNG files whose palette indices are the class ids.

    VOC's training masks are copied byte by byte; those of SBD are converted if VOC
    has the image in neither train.txt nor val.txt. `output` appears at the end, as
    a whole.

    Args:
        sbd_dir: Folder of SBD, with cls/ or dataset/cls/ in it.
        voc_dir: Folder of Pascal VOC 2012, with JPEGImages/ or VOC2012/ in it.
        output: Folder to write, new or empty; by default SegmentationClassAug
            beside JPEGImages.
        progress: Function of the number of masks written and of all; called after
            each.

    Returns:
        `Converted`.

    Raises:
        UserError: SciPy is not installed; a folder or file is missing or damaged;
            the output holds files; a mask has a value that is no class, or another
            size than its image.
    """
    loadmat = _loadmat()
    sbd = _find_masks(sbd_dir)
    voc = Path(pascal_voc.find_root(voc_dir, "--voc_dir"))
    output = Path(os.path.realpath(output or voc / "SegmentationClassAug"))
    _check_output(output)
    original = _voc_names(voc, "train")
    known = {*original, *_voc_names(voc, "val")}
    converted = [name for name in _sbd_names(sbd) if name not in known]
    names = original + converted
    _check_images(voc, names)
    with _written_whole(output, names) as folder:
        for done, name in enumerate(names, start=1):
            if done <= len(original):
                _copy(voc, name, folder)
            else:
                _convert(sbd / f"{name}.mat", voc, folder, loadmat)
            if progress is not None:
                progress(done, len(names))
    return Converted(len(original), len(converted), output)


def _loadmat():
    try:
        from scipy.io import loadmat
    except ImportError:
        raise UserError(
            "SciPy, which reads the .mat files of SBD, is not installed; install it "
            "with pip install 'selene_tf[voc]', or pip install -e '.[voc]' in a "
            "checkout."
        ) from None
    return loadmat


def _find_masks(folder):
    """The folder of SBD's masks, cls, in one of the places below a folder."""
    if not folder:
        raise UserError("--sbd_dir: found nothing, expected a folder with cls/.")
    for place in _PLACES:
        if os.path.isdir(Path(folder) / place / "cls"):
            return Path(folder) / place / "cls"
    others = " or ".join(f"{place}/cls" for place in _PLACES[1:])
    raise UserError(
        f"--sbd_dir: found no cls/ in '{folder}', nor {others}; expected the folder of "
        "the unpacked data set. Check the path."
    )


def _check_output(output):
    if os.path.lexists(output) and not _is_empty_folder(output):
        raise UserError(
            f"--output: '{output}' exists already and is no empty folder; name a new "
            "one, or remove this one to make it again."
        )
    if not os.path.isdir(output.parent):
        raise UserError(
            f"--output: '{output.parent}' is no folder; expected a new folder in one "
            "that exists."
        )


def _is_empty_folder(path):
    try:
        return not os.listdir(path)
    except OSError:
        return False


def _voc_names(voc, part):
    path = voc / "ImageSets" / "Segmentation" / f"{part}.txt"
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", "not UTF-8 text")
        raise UserError(
            f"Cannot read {path} ({reason}); expected VOC's list of images, one name "
            "a line. Unpack the data set again."
        ) from None
    names = [line.strip() for line in lines if line.strip()]
    for name in names:
        if os.path.basename(name) != name:
            raise UserError(
                f"{path}: found '{name}', expected the name of an image without its "
                "folder and ending, such as 2007_000032."
            )
    if not names or len(set(names)) < len(names):
        raise UserError(
            f"{path}: found {len(names)} names, {len(set(names))} of them different; "
            "expected one or more, each once. Unpack the data set again."
        )
    return names


def _sbd_names(sbd):
    paths = (path for path in sbd.glob("*.mat") if not path.name.startswith("."))
    names = sorted(path.stem for path in paths)
    if not names:
        raise UserError(
            f"--sbd_dir: found no .mat file in '{sbd}'; expected one an image. Unpack "
            "the data set again."
        )
    return names


def _image(voc, name):
    return voc / "JPEGImages" / f"{name}.jpg"


def _check_images(voc, names):
    """All of them before the first mask is read."""
    for name in names:
        if not os.path.isfile(_image(voc, name)):
            raise UserError(
                f"{_image(voc, name)} is missing, but '{name}' has a mask; expected "
                "all images of VOC 2012. Unpack the data set again."
            )


@contextlib.contextmanager
def _written_whole(output, names):
    """A folder that becomes `output` if all went well, and else goes."""
    temporary = output.with_name(f".{output.name}.part")
    try:
        # What was killed before has left one.
        if os.path.lexists(temporary):
            shutil.rmtree(temporary)
        temporary.mkdir()
        yield temporary
        # A second conversion at the same time removes what this one wrote.
        if len(os.listdir(temporary)) != len(names):
            raise UserError(
                f"--output: '{temporary}' lost files while they were written; expected "
                "no other conversion to it. Start one alone."
            )
        temporary.rename(output)
    except OSError as error:
        raise UserError(
            f"--output: cannot write '{output}' ({error.strerror or error}); expected "
            "a place with free space that may be written to."
        ) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _copy(voc, name, folder):
    path = voc / "SegmentationClass" / f"{name}.png"
    mask = pillow_reading.read_mask(path, dataset_info.PASCAL_VOC.labels)
    _check_size(path, mask, _image(voc, name))
    shutil.copyfile(path, folder / path.name)


def _convert(path, voc, folder, loadmat):
    mask = _segmentation(path, loadmat)
    _check_values(path, mask)
    _check_size(path, mask, _image(voc, path.stem))
    # The array lies column by column, as MATLAB writes it.
    image = Image.fromarray(np.ascontiguousarray(mask))
    image.putpalette(_PALETTE)
    image.save(folder / f"{path.stem}.png")


def _segmentation(path, loadmat):
    expected = "expected GTcls.Segmentation, bytes of height x width; copy it again."
    try:
        content = loadmat(str(path), variable_names=["GTcls"])
        mask = np.asarray(content["GTcls"]["Segmentation"][0, 0])
    # A damaged file can raise nearly everything in SciPy's reader.
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"Cannot read {path} ({reason}); {expected}") from None
    if mask.ndim != 2 or mask.dtype != np.uint8:
        raise UserError(f"{path} holds {mask.dtype} of shape {mask.shape}; {expected}")
    return mask


def _check_values(path, mask):
    classes = dataset_info.PASCAL_VOC.num_classes
    wrong = np.argwhere((mask >= classes) & (mask != IGNORE_LABEL))
    if len(wrong):
        row, column = wrong[0].tolist()
        raise UserError(
            f"{path} holds class id {mask[row, column]}, first at (row, column) = "
            f"({row}, {column}); expected 0 to {classes - 1}, or {IGNORE_LABEL} for no "
            "class. Copy it again."
        )


def _check_size(path, mask, image_file):
    _, _, size = image_files.read_header(image_file, image_files.IMAGES)
    if size != mask.shape:
        raise UserError(
            f"{path} is {mask.shape[1]} x {mask.shape[0]} pixels (width x height) but "
            f"its image {image_file} is {size[1]} x {size[0]}; expected "
            "one size. Copy both again."
        )
