import numpy as np
from PIL import Image

from selene_tf.data.datasets import validation
from selene_tf.data.datasets.examples import Example
from selene_tf.data.files.image_reader import FileReader
from selene_tf.data.files.label_map import index
from selene_tf.data.pipeline import in_memory
from selene_tf.data.pipeline.bad_samples import BadSamples
from tests.refusals import assert_refused

IDS = np.array([[0, 1, 1], [2, 7, 7]], np.uint8)


def save(path, array):
    Image.fromarray(array).save(path)
    return path


def make_example(folder, name, ids=IDS, value=0, labelled=True):
    image = np.full((*ids.shape, 3), value, np.uint8)
    mask = save(folder / f"{name}_mask.png", ids) if labelled else None
    return Example(save(folder / f"{name}.png", image), mask)


def check(examples, num_classes, ignore_label, image_size=None, **options):
    reader = FileReader(examples, index(num_classes, ignore_label), image_size)
    return validation.check_reader(reader, num_classes, **options)


def load(examples, num_classes, ignore_label, image_size=None, skip=False, **options):
    reader = FileReader(examples, index(num_classes, ignore_label), image_size)
    return in_memory.load(reader, BadSamples(len(examples), skip), **options)


def test_report_counts_images_classes_and_sizes(tmp_path):
    examples = [
        make_example(tmp_path, "a"),
        make_example(tmp_path, "b", np.zeros((4, 5), np.uint8)),
        make_example(tmp_path, "c", labelled=False),
    ]
    report = check(examples, num_classes=3, ignore_label=7)
    assert report.problems == ()
    assert (report.images, report.labelled) == (3, 2)
    assert report.class_pixels == (21, 2, 1)
    assert report.class_images == (2, 1, 1)
    assert report.ignored_pixels == 2
    assert report.without_class == ()
    assert report.sizes == {(2, 3): 2, (4, 5): 1}


def test_report_counts_what_training_sees_after_resizing(tmp_path):
    examples = [make_example(tmp_path, "a", np.zeros((4, 6), np.uint8))]
    report = check(examples, 3, 255, image_size=(2, 3))
    assert report.sizes == {(2, 3): 1}
    assert report.class_pixels == (6, 0, 0)


def test_report_names_masks_without_a_class_and_leaves_out_bad_images(tmp_path):
    void = np.full((2, 3), 7, np.uint8)
    names = ("a", void), ("b", IDS), ("c", void), ("d", void)
    examples = [make_example(tmp_path, *arguments) for arguments in names]
    examples[2].image.unlink()
    report = check(examples, 3, 7, collect=True)
    assert report.without_class == (0, 3)
    assert (report.images, report.labelled, report.ignored_pixels) == (3, 3, 14)
    assert report.class_images == (1, 1, 1)


def test_an_empty_report_is_that_of_no_images():
    report = validation.empty_report(3)
    assert (report.images, report.labelled, report.sizes) == (0, 0, {})
    assert report.class_pixels == report.class_images == (0, 0, 0)


def test_first_problem_in_list_order_is_raised(tmp_path):
    examples = [make_example(tmp_path, name) for name in "abcdefgh"]
    examples[2].image.write_bytes(b"")
    examples[5].mask.unlink()
    assert_refused(lambda: check(examples, 3, 7), examples[2].image, "empty")


def test_collect_lists_every_problem_in_order(tmp_path):
    examples = [make_example(tmp_path, name) for name in "abcd"]
    examples[0].image.write_bytes(b"text")
    examples[2].mask.unlink()
    report = check(examples, 3, 7, collect=True)
    assert report.images == 2
    assert report.unusable == (0, 2)
    expected = [str(examples[0].image), str(examples[2].mask)]
    assert len(report.problems) == 2
    assert all(
        path in line for path, line in zip(expected, report.problems, strict=True)
    )


def test_progress_counts_up_in_order(tmp_path):
    examples = [make_example(tmp_path, name) for name in "abc"]
    calls = []
    check(examples, 3, 7, progress=lambda *call: calls.append(call))
    load(examples, 3, 7, progress=lambda *call: calls.append(call))
    assert calls == [(1, 3), (2, 3), (3, 3)] * 2


def test_load_stacks_in_order_with_zeros_for_missing_masks(tmp_path):
    examples = [
        make_example(tmp_path, "a", value=10),
        make_example(tmp_path, "b", value=20, labelled=False),
        make_example(tmp_path, "c", value=30),
    ]
    images, labels = load(examples, num_classes=3, ignore_label=7)
    assert (images.dtype, images.shape) == (np.uint8, (3, 2, 3, 3))
    assert (labels.dtype, labels.shape) == (np.uint8, (3, 2, 3))
    np.testing.assert_array_equal(images[:, 0, 0, 0], [10, 20, 30])
    ids = [[0, 1, 1], [2, 255, 255]]
    np.testing.assert_array_equal(labels, [ids, np.zeros((2, 3)), ids])


def test_load_needs_equal_sizes_or_an_image_size(tmp_path):
    examples = [
        make_example(tmp_path, "a"),
        make_example(tmp_path, "b", np.zeros((4, 5), np.uint8)),
    ]
    assert_refused(lambda: load(examples, 3, 7), examples[1].image, "5 x 4", "3 x 2")
    images, labels = load(examples, 3, 7, image_size=(4, 6))
    assert images.shape == (2, 4, 6, 3)
    assert labels.shape == (2, 4, 6)


def test_load_refuses_bad_files_and_no_files(tmp_path):
    examples = [make_example(tmp_path, name) for name in "ab"]
    examples[1].mask.unlink()
    assert_refused(lambda: load(examples, 3, 7), examples[1].mask)
    assert_refused(lambda: load([], 3, 7), "no images")


def test_load_takes_the_next_for_one_in_a_hundred_if_it_may(tmp_path):
    examples = [make_example(tmp_path, f"{i:03}", value=i) for i in range(100)]
    examples[40].image.write_bytes(examples[40].image.read_bytes()[:-20])
    assert_refused(lambda: load(examples, 3, 7), examples[40].image, "damaged")
    images, labels = load(examples, 3, 7, skip=True)
    assert images[:, 0, 0, 0].tolist() == [41 if i == 40 else i for i in range(100)]
    np.testing.assert_array_equal(labels, np.stack([[[0, 1, 1], [2, 255, 255]]] * 100))
    examples[99].mask.unlink()
    assert_refused(
        lambda: load(examples, 3, 7, skip=True), examples[99].mask, "2 of 100", "1%"
    )


def scan(examples, skip=False):
    reader = FileReader(examples, index(3, 7))
    bad_samples = BadSamples(100, skip)
    return *validation.scan(examples, reader, bad_samples), bad_samples


def test_a_scan_gives_the_sizes_and_leaves_out_what_it_may(tmp_path):
    examples = [
        make_example(tmp_path, "a"),
        make_example(tmp_path, "b", np.zeros((4, 5), np.uint8)),
        make_example(tmp_path, "c"),
    ]
    kept, sizes, _ = scan(examples)
    assert kept == tuple(examples)
    assert sizes == {(2, 3): 2, (4, 5): 1}
    examples[2].mask.write_text("text")
    assert_refused(lambda: scan(examples), examples[2].mask, "text")
    kept, sizes, bad_samples = scan(examples, skip=True)
    assert kept == tuple(examples[:2])
    assert sizes == {(2, 3): 1, (4, 5): 1}
    assert list(bad_samples.messages) == [str(examples[2].image)]


def check_sample(examples, sample):
    reader = FileReader(examples, index(3, 7))
    validation.check_sample(reader, BadSamples(len(examples)), sample)


def test_masks_that_say_nothing_are_found_from_a_sample(tmp_path):
    void = np.full((2, 3), 7, np.uint8)
    examples = [make_example(tmp_path, name, void) for name in "abcdefgh"]
    assert_refused(lambda: check_sample(examples, 2), examples[0].image, "7 labelled")
    save(examples[5].mask, IDS)
    check_sample(examples, 2)
    save(examples[7].mask, np.full((2, 3), 9, np.uint8))
    assert_refused(lambda: check_sample(examples, 2), examples[7].mask, "id 9")
