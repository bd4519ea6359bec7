import os
import pathlib

import numpy as np
import pytest
from PIL import Image

from selene_tf.data.files import image_files
from selene_tf.inference import input_images
from selene_tf.inference.input_images import InputImage
from tests.refusals import assert_refused


def pixels(height=3, width=5):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(path, image=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    (image or Image.fromarray(pixels())).save(path, **options)
    return path


def find(path):
    return input_images.find(str(path))


def names(path):
    return [image.name for image in find(path).images]


def read(path):
    return input_images.read(InputImage("a", path))


@pytest.mark.parametrize("name", ["a.png", "-a b.PNG", "ä ö.jpeg", "a", "a.b.bmp"])
def test_a_file_is_one_image(tmp_path, name):
    path = tmp_path / name
    path.touch()
    assert find(path).images == (InputImage(pathlib.Path(name).stem, path),)


def test_a_folder_is_all_images_in_it_and_below(tmp_path):
    for name in ("b.png", "a/x.JPG", "a/c/x.gif", "B.webp", "a b/ä.tif"):
        save(tmp_path / name)
    for name in ("notes.txt", "a/x.mp4", ".hidden.png", ".git/x.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert names(tmp_path) == ["B", "a/c/x", "a/x", "a b/ä", "b"]
    assert find(tmp_path).others == 2
    paths = [image.path for image in find(tmp_path).images]
    assert paths[1] == tmp_path / "a/c/x.gif"


def test_a_link_that_leads_back_does_no_harm(tmp_path):
    save(tmp_path / "in/a.png")
    save(tmp_path / "other/b.png")
    os.symlink(tmp_path / "in", tmp_path / "in/back")
    os.symlink(tmp_path / "other", tmp_path / "in/there")
    assert names(tmp_path / "in") == ["a", "there/b"]


def test_a_list_names_images_beside_it(tmp_path):
    text = "\ufeffb/x.png\r\n\na/x.png\tmask.png\nmy cat.jpg\t\n"
    (tmp_path / "list.txt").write_bytes(text.encode())
    assert names(tmp_path / "list.txt") == ["b/x", "a/x", "my cat"]
    assert find(tmp_path / "list.txt").images[0].path == tmp_path / "b/x.png"


def test_a_list_may_name_images_elsewhere(tmp_path):
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "list.txt").write_text(f"{tmp_path}/p/a/x.png\n../p/b/x.png\n")
    assert names(folder / "list.txt") == ["a/x", "b/x"]
    (folder / "list.txt").write_text(f"{tmp_path}/p/a/x.png\n")
    assert names(folder / "list.txt") == ["x"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["list.txt names no image"]),
        (b"\n \n", ["list.txt names no image"]),
        (b"\xff\xd8\xff", ["list.txt is not UTF-8 text"]),
        (b"this is some prose\n", ["list.txt:1", "4 names"]),
        (b"a.png\nb.png\n./a.png\n", ["list.txt:3", "line 1 again"]),
        (b"a.png\na.jpg\n", ["a.png", "a.jpg", "results 'a.png'"]),
    ],
)
def test_what_is_no_list_is_refused(tmp_path, content, words):
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    assert_refused(lambda: find(path), *words)


def test_what_is_not_there_is_refused(tmp_path):
    assert_refused(lambda: input_images.find(""), "--input", "nothing")
    assert_refused(lambda: find(tmp_path / "x\0"), "--input", "x\\x00")
    assert_refused(lambda: find(tmp_path / "x"), "--input", tmp_path / "x")
    assert_refused(lambda: find(tmp_path), "--input", "no image", tmp_path, ".png")


def test_two_images_of_one_name_are_refused(tmp_path):
    save(tmp_path / "a.png")
    save(tmp_path / "a.jpg")
    assert_refused(lambda: find(tmp_path), "a.jpg", "a.png", "rename")


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.ppm", "a.misnamed"])
def test_pixels_come_as_they_are_stored(tmp_path, name):
    kind = "PNG" if name == "a.misnamed" else None
    path = save(tmp_path / name, format=kind)
    np.testing.assert_array_equal(read(path), pixels())
    assert input_images.look(InputImage("a", path)) == (3, 5)


@pytest.mark.parametrize("name", ["a.jpg", "a.gif", "a.webp"])
def test_formats_with_losses_come_close(tmp_path, name):
    flat = Image.new("RGB", (16, 8), (200, 100, 50))
    shown = read(save(tmp_path / name, flat))
    assert shown.shape == (8, 16, 3)
    np.testing.assert_allclose(shown, np.array(flat), atol=6)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_grey_palette_and_opaque_images_become_rgb(tmp_path, mode):
    image = Image.fromarray(pixels()).convert(mode)
    shown = read(save(tmp_path / "a.png", image))
    assert (shown.shape, shown.dtype) == ((3, 5, 3), np.uint8)
    np.testing.assert_array_equal(shown, np.array(image.convert("RGB")))


def turned(path):
    entries = Image.Exif()
    entries[274] = 6
    save(path, exif=entries)


def cut_short(path):
    save(path)
    path.write_bytes(path.read_bytes()[:-30])


def moving(path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    save(path, frames[0], format="GIF", save_all=True, append_images=frames[1:])


def see_through(path):
    save(path, Image.new("RGBA", (4, 4), (1, 2, 3, 0)))


def sixteen_bits(path):
    save(path, Image.fromarray(np.full((3, 4), 1000, np.uint16)))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (cut_short, ["damaged"]),
        (moving, ["2 images", "still"]),
        (see_through, ["16 transparent pixels"]),
        (sixteen_bits, ["16-bit"]),
        (lambda path: path.touch(), ["empty file"]),
        (lambda path: path.write_text("hello"), ["no readable", "hello"]),
        (lambda path: path.mkdir(), ["Is a directory"]),
        (lambda path: None, ["No such file"]),  # noqa: ARG005
    ],
)
def test_what_the_network_would_see_otherwise_is_refused(tmp_path, make, words):
    path = tmp_path / "a.png"
    make(path)
    assert_refused(lambda: read(path), path, *words)


def test_turned_images_are_turned_upright_or_refused(tmp_path):
    turned(tmp_path / "a.png")
    image = InputImage("a", tmp_path / "a.png")
    stored = np.asarray(Image.open(image.path).convert("RGB"))
    shown = input_images.read(image)
    np.testing.assert_array_equal(shown, np.rot90(stored, -1))
    assert input_images.look(image) == shown.shape[:2]
    for action in (input_images.read, input_images.look):
        assert_refused(lambda action=action: action(image, "refuse"), "orientation 6")


def test_too_many_pixels_are_no_damage(tmp_path, monkeypatch):
    path = save(tmp_path / "a.png", Image.new("RGB", (50, 50)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    for action in (input_images.read, input_images.look):
        with pytest.raises(ValueError, match="million pixels; cut it") as caught:
            action(InputImage("a", path))
        assert "damaged" not in str(caught.value)
        assert str(caught.value).endswith(", or raise --max_megapixels.")
    with image_files.pixel_limit(0.0026):
        assert input_images.look(InputImage("a", path)) == (50, 50)


def test_a_video_is_a_file_known_by_its_name(tmp_path):
    assert input_images.is_video("a/b.MP4")
    (tmp_path / "clips.mp4").mkdir()
    assert not input_images.is_video(tmp_path / "clips.mp4")
    assert not input_images.is_video("a.mp4/b.png")
