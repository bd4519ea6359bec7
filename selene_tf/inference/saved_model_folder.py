"""What lies in the folder of an exported SavedModel, beside what TensorFlow reads."""

# Where TensorFlow leaves room for files of ours.
EXTRA_FILES = "assets.extra"


def versions(folder):
    """Numbers of the versions in a SavedModel's folder, a list."""
    names = [path.name for path in folder.iterdir() if path.is_dir()]
    return [int(name) for name in names if name.isascii() and name.isdecimal()]


def find_version(folder):
    """The folder of the highest version, or the folder itself if it is one.

    Args:
        folder: A `pathlib.Path`.
    """
    if (folder / "saved_model.pb").exists() or not folder.is_dir():
        return folder
    numbers = versions(folder)
    return folder / str(max(numbers)) if numbers else folder


def read_texts(version):
    """The files of ours that travel with a version, {name: text}.

    Raises:
        OSError: one cannot be read.
        UnicodeDecodeError: one is no text.
    """
    files = (version / EXTRA_FILES).glob("*")
    return {file.name: file.read_text("utf-8") for file in files if file.is_file()}
