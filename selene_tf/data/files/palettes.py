"""The palettes of PNG masks: which colour each index is shown in."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# More than any chunk before a palette has.
_MAX_BYTES = 2**20


def read_palette(path):
    """Reads the palette of a PNG file without decoding it.

    Args:
        path: The file.

    Returns:
        A tuple of (red, green, blue), of each index; empty for a file without a
        palette, or one that cannot be read.
    """
    try:
        with open(path, "rb") as file:
            if file.read(8) != _SIGNATURE:
                return ()
            return _from_chunks(file)
    except OSError:
        return ()


def _from_chunks(file):
    while True:
        head = file.read(8)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        # A palette comes before the pixels.
        if len(head) < 8 or kind in (b"IDAT", b"IEND") or length > _MAX_BYTES:
            return ()
        content = file.read(length + 4)[:length]
        if kind == b"PLTE":
            whole = content[: len(content) // 3 * 3]
            return tuple(zip(whole[::3], whole[1::3], whole[2::3], strict=True))


def by_colour(palette, colours, refused):
    """What each index means, if its colour says it.

    Args:
        palette: As of `read_palette`.
        colours: {(red, green, blue): class id}.
        refused: What a colour without meaning gives.

    Returns:
        {index: class id}.
    """
    return {index: colours.get(each, refused) for index, each in enumerate(palette)}
