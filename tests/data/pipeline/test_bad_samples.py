import pytest
import tensorflow as tf

from selene_tf.data.files.image_reader import FileReader
from selene_tf.data.files.label_map import index
from selene_tf.data.pipeline import batching, in_memory
from selene_tf.data.pipeline.bad_samples import BadSamples
from selene_tf.data.pipeline.sources import MemorySource
from selene_tf.errors import UserError
from tests.data.pipeline.small_sources import (
    PLAIN,
    VARIED,
    assert_equal,
    drawn,
    from_files,
    save_examples,
    take,
)


def test_a_bad_file_stops_the_stream_and_is_kept_for_the_caller(tmp_path):
    examples = save_examples(tmp_path, 3)
    examples[1].mask.write_bytes(b"text")
    source = from_files(examples)
    with pytest.raises(tf.errors.InvalidArgumentError):
        take(batching.training(source, None, 3, 1, 0, PLAIN), 1)
    assert isinstance(source.failure(), UserError)
    assert str(examples[1].mask) in str(source.failure())
    assert "\n" not in str(source.failure())


def test_the_next_good_image_stands_for_a_bad_one(tmp_path, capsys):
    examples = save_examples(tmp_path, 5)
    for bad in (1, 2):
        examples[bad].image.write_bytes(examples[bad].image.read_bytes()[:-20])
    bad_samples = BadSamples(200, skip=True)
    source = from_files(examples, bad_samples=bad_samples)
    assert drawn(batching.evaluation(source, 2), 9) == [0, 3, 3, 3, 4]
    assert source.failure() is None
    assert len(bad_samples.messages) == 2
    assert capsys.readouterr().err.count("left out") == 2
    # Started later, a stream gives the same.
    uninterrupted = take(batching.training(source, None, 2, 5, 0, VARIED), 6)
    later = take(batching.training(source, None, 2, 5, 4, VARIED), 2)
    assert_equal(uninterrupted[4:], later)


def test_too_many_bad_images_stop_the_stream(tmp_path):
    examples = save_examples(tmp_path, 5)
    for bad in (1, 2, 4):
        examples[bad].image.write_bytes(b"")
    source = from_files(examples, bad_samples=BadSamples(200, skip=True))
    with pytest.raises(tf.errors.InvalidArgumentError):
        take(batching.evaluation(source, 1), 5)
    assert "3 of 200" in str(source.failure())
    assert str(tmp_path) in str(source.failure())


def test_a_source_of_which_nothing_can_be_read_fails_whatever_is_allowed(tmp_path):
    examples = save_examples(tmp_path, 2)
    for example in examples:
        example.image.write_bytes(b"")
    source = from_files(examples, bad_samples=BadSamples(500, skip=True))
    with pytest.raises(tf.errors.InvalidArgumentError):
        take(batching.evaluation(source, 1), 1)
    assert "none of them" in str(source.failure())


def test_memory_and_files_take_the_same_in_place_of_a_bad_image(tmp_path):
    examples = save_examples(tmp_path, 6)
    for bad in (2, 3, 5):
        examples[bad].image.write_bytes(examples[bad].image.read_bytes()[:-20])
    reader = FileReader(examples, index(3))
    arrays = in_memory.load(reader, BadSamples(400, skip=True))
    memory = MemorySource(*arrays)
    files = from_files(examples, bad_samples=BadSamples(400, skip=True))
    assert_equal(
        take(batching.training(files, None, 2, 1, 0, VARIED), 6),
        take(batching.training(memory, None, 2, 1, 0, VARIED), 6),
    )


def test_what_earlier_starts_left_out_counts_and_is_kept():
    written = []
    bad_samples = BadSamples(300, skip=True)
    bad_samples.add("a", UserError("a is bad"))
    bad_samples.keep({"b": "b is bad"}, lambda messages: written.append(dict(messages)))
    bad_samples.add("c", UserError("c is bad"))
    assert list(written[-1]) == ["b", "a", "c"]
    with pytest.raises(UserError, match="4 of 300"):
        bad_samples.add("d", UserError("d is bad"))
    with pytest.raises(UserError, match="4 of 300"):
        BadSamples(300, skip=True).keep(written[-1], lambda _: None)
