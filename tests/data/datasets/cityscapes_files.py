"""Writes small files in the layouts of Cityscapes."""

from tests.data.datasets.layout_files import touch

AACHEN = [f"aachen_000000_0000{number}" for number in (10, 11, 12)]
BREMEN = ["bremen_000001_000000", "bremen_000002_000000"]
ULM = ["ulm_000000_000019"]


def image_name(split, frame):
    return f"leftImg8bit/{split}/{frame.split('_')[0]}/{frame}_leftImg8bit.png"


def mask(split, frame, kind="labelIds"):
    return f"gtFine/{split}/{frame.split('_')[0]}/{frame}_gtFine_{kind}.png"


def packed(frame, split="train"):
    """The names of a line in the lists of the layout with images and segmentation."""
    return f"/images/{split}/{frame}.png", f"/segmentation/{split}/{frame}_gtFine.png"


def make_folders(folder, kind="labelIds"):
    """Cityscapes' own folders, written out of order."""
    for split, frames in {"val": ULM, "train": [*BREMEN, *reversed(AACHEN)]}.items():
        for frame in frames:
            touch(folder, image_name(split, frame), mask(split, frame, kind))
            touch(folder, mask(split, frame, "color"))


def frames_of(examples):
    return ["_".join(item.image.stem.split("_")[:3]) for item in examples]
