"""Tells whether the files of a data set are still those that a run was started on."""

import hashlib
import os
import pathlib

# Masks are small; another content of the same size would go unseen otherwise.
_MAX_MASK_BYTES = 65_536


def fingerprint(split, data_dir):
    """Sums up which files the parts of a data set are.

    Args:
        split: A `Split` of examples.
        data_dir: The data's folder, which may move.

    Returns:
        dict for JSON of each part that is made of files: "images", how many,
        and SHA-256 sums of their "names", of the "sizes" of images and masks in bytes,
        and of the content of "masks" of up to 64 KiB.
    """
    parts = {}
    for name in ("labelled", "unlabelled", "validation"):
        examples = getattr(split, name)
        # Some images are records of larger files.
        if examples and isinstance(examples[0].image, pathlib.Path):
            parts[name] = _of_part(examples, os.path.realpath(data_dir))
    return parts


def is_one(content):
    """Whether a value from a file is what `fingerprint` gives."""
    keys = {"images", "names", "sizes", "masks"}
    return isinstance(content, dict) and all(
        isinstance(part, dict) and part.keys() == keys for part in content.values()
    )


def changes(earlier, now):
    """What differs, a few words for each part that does.

    Args:
        earlier: As of `fingerprint`, when the run was started.
        now: Likewise.
    """
    for part in sorted(earlier.keys() | now.keys()):
        was, is_now = earlier.get(part), now.get(part)
        if was == is_now:
            continue
        if was is None or is_now is None:
            yield f"{part} images {'are new' if was is None else 'are gone'}"
        elif was["images"] != is_now["images"]:
            yield f"{part}: {was['images']} images then, {is_now['images']} now"
        elif was["names"] != is_now["names"]:
            yield f"{part}: other files, as many as then"
        elif was["sizes"] != is_now["sizes"]:
            yield f"{part}: files of another size"
        else:
            yield f"{part}: masks of another content"


def _of_part(examples, root):
    names, sizes, masks = (hashlib.sha256() for _ in range(3))
    for example in examples:
        for path in filter(None, (example.image_path, example.mask_path)):
            size = _size(path)
            names.update(os.fsencode(os.path.relpath(path, root)) + b"\0")
            sizes.update(f"{size}\0".encode())
        if example.mask_path is not None and size <= _MAX_MASK_BYTES:
            masks.update(_content(example.mask))
    sums = {"names": names, "sizes": sizes, "masks": masks}
    hexes = {name: value.hexdigest() for name, value in sums.items()}
    return {"images": len(examples), **hexes}


def _size(path):
    try:
        return os.stat(path).st_size
    except OSError:
        # It is named when it is read.
        return -1


def _content(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""
