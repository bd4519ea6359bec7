"""What every data set has to fulfil, whatever its layout.

A test file derives a class from one of these, says how to write and to open a small
data set, and what is in it.
"""

import numpy as np
import pytest
import tensorflow as tf

from selene_tf.data.datasets.splits import make_split
from tests.data.datasets.layout_files import save, write
from tests.refusals import assert_refused

# Of the small images: height and width.
SIZE = (2, 3)


class DataFolderContract:
    """Of any data set.

    Attributes:
        train: (image, mask) of the training examples as `names_of` names them, three
            or more, in the order that the data set has to give them in.
        validation: Likewise those for validation.
    """

    train = validation = ()

    def make(self, folder):
        """Writes the small data set into an empty folder."""
        raise NotImplementedError

    def open(self, folder):
        """Makes the `DataFolder`."""
        raise NotImplementedError

    def names_of(self, folder, examples):
        raise NotImplementedError

    @pytest.fixture
    def folder(self, tmp_path):
        folder = tmp_path / "data"
        folder.mkdir()
        self.make(folder)
        return folder

    def read(self, folder, part, mask_every=1):
        return self.names_of(folder, self.open(folder).read_part(part, mask_every))

    def test_parts_are_in_their_order(self, folder):
        assert self.read(folder, "train") == list(self.train)
        assert self.read(folder, "val") == list(self.validation)
        assert self.open(folder).read_part("unlabelled", 0) == ()

    @pytest.mark.parametrize("mask_every", [0, 1, 2, 3])
    def test_every_nth_image_keeps_its_mask(self, folder, mask_every):
        assert self.read(folder, "train", mask_every) == [
            (image, mask if mask_every and number % mask_every == 0 else None)
            for number, (image, mask) in enumerate(self.train)
        ]

    @pytest.mark.parametrize("ratio", [1, 2, 3])
    def test_the_rule_of_the_ratio_splits_the_training_part(self, folder, ratio):
        split = make_split(self.open(folder), ratio)
        labelled = list(self.train)[::ratio]
        unlabelled = [(image, None) for image, _ in self.train]
        del unlabelled[::ratio]
        assert self.names_of(folder, split.labelled) == labelled
        assert self.names_of(folder, split.unlabelled) == unlabelled
        assert self.names_of(folder, split.validation) == list(self.validation)

    def test_notes_are_lines(self, folder):
        data = self.open(folder)
        assert data.data_dir
        for note in (*data.notes, *data.rule_notes):
            assert note
            assert "\n" not in note

    @pytest.mark.parametrize("image_size", [None, (4, 5)])
    def test_the_graph_decodes_what_python_reads(self, folder, image_size):
        data = self.open(folder)
        reader = data.make_reader(data.read_part("train", 2), image_size)
        assert (reader.size, reader.image_size) == (len(self.train), image_size)
        numbers = tf.data.Dataset.range(reader.size)
        decoded = numbers.map(reader.decode).as_numpy_iterator()
        for number, (image, label) in enumerate(decoded):
            expected_image, expected_label = reader.read_checked(number)
            np.testing.assert_array_equal(image, expected_image)
            assert image.shape[:2] == (image_size or reader.read_size(number))
            if number % 2:
                assert expected_label is None
                assert not label.any()
            else:
                np.testing.assert_array_equal(label, expected_label)
            assert reader.name(number).endswith(self.train[number][0])


class FilesContract(DataFolderContract):
    """Of data sets whose images and masks are files; names are relative paths.

    Attributes:
        files: Where the small data set lies below the folder.
    """

    files = ""

    def names_of(self, folder, examples):
        root = folder / self.files
        return [
            tuple(path and str(path.relative_to(root)) for path in pair)
            for pair in ((item.image, item.mask) for item in examples)
        ]

    def save_all(self, folder):
        """Writes images and masks, the last one first."""
        for image, mask in reversed([*self.train, *self.validation]):
            save(folder / self.files, image, np.full((*SIZE, 3), 90))
            save(folder / self.files, mask, np.zeros(SIZE))

    def test_a_missing_folder_is_named(self, tmp_path):
        missing = tmp_path / "no"
        assert_refused(lambda: self.read(missing, "train"), missing)

    def test_a_folder_of_no_layout_is_refused(self, tmp_path):
        (tmp_path / "empty").mkdir()
        assert_refused(lambda: self.read(tmp_path / "empty", "train"), "expected")

    def test_lists_are_read_in_their_order(self, folder, tmp_path):
        pairs = self.train[::-1]
        list_file = write(tmp_path, "a.txt", *["\t".join(pair) for pair in pairs])
        examples = self.open(folder).read_listed(list_file, 2)
        assert self.names_of(folder, examples) == [
            (image, None if number % 2 else mask)
            for number, (image, mask) in enumerate(pairs)
        ]

    def test_a_labelled_list_leaves_the_rest_unlabelled(self, folder, tmp_path):
        list_file = write(tmp_path, "a.txt", "\t".join(self.train[1]))
        split = make_split(self.open(folder), 2, labelled_list=str(list_file))
        assert self.names_of(folder, split.labelled) == [self.train[1]]
        rest = [(image, None) for image, _ in (self.train[0], *self.train[2:])]
        assert self.names_of(folder, split.unlabelled) == rest

    def test_an_image_to_train_and_to_validate_is_refused(self, folder, tmp_path):
        list_file = write(tmp_path, "a.txt", "\t".join(self.validation[0]))
        assert_refused(
            lambda: make_split(self.open(folder), 2, labelled_list=str(list_file)),
            self.validation[0][0],
            "labelled",
            "validation",
        )

    def test_a_list_that_leads_out_of_the_folder_is_refused(self, folder, tmp_path):
        list_file = write(tmp_path, "a.txt", "../../far.png\t../../far_mask.png")
        assert_refused(
            lambda: self.open(folder).read_listed(list_file, 1),
            f"{list_file}:1",
            "outside",
        )

    def test_a_missing_list_is_named(self, folder):
        data = self.open(folder)
        action = lambda: make_split(data, 2, labelled_list="no.txt")  # noqa: E731
        assert_refused(action, "no.txt", folder)

    @pytest.mark.parametrize("place", [0, 1], ids=["image", "mask"])
    def test_links_out_of_the_folder_are_refused(self, folder, tmp_path, place):
        save(tmp_path, "far.png", np.zeros(SIZE))
        link = folder / self.files / self.train[0][place]
        link.unlink()
        link.symlink_to(tmp_path / "far.png")
        assert_refused(lambda: self.read(folder, "train"), "far.png", "outside")
        if place == 1:
            # No mask is looked for where none is asked for.
            assert len(self.read(folder, "train", 0)) == len(self.train)


class FoldersContract(FilesContract):
    """Of layouts in which a mask is found by its name."""

    def make(self, folder):
        self.save_all(folder)

    def test_a_missing_mask_is_refused_where_it_is_needed(self, folder):
        image, mask = self.train[1]
        (folder / self.files / mask).unlink()
        for mask_every in (0, 2):
            assert len(self.read(folder, "train", mask_every)) == len(self.train)
        assert_refused(lambda: self.read(folder, "train"), image, mask)


class ListsContract(FilesContract):
    """Of layouts that consist of train.txt and val.txt."""

    def make(self, folder):
        self.save_all(folder)
        for part, pairs in {"train": self.train, "val": self.validation}.items():
            write(folder, f"{part}.txt", *["\t".join(pair) for pair in pairs])

    def test_a_missing_mask_is_refused_where_it_is_needed(self, folder):
        lines = ["\t".join(pair) for pair in self.train]
        image, mask = self.train[1]
        write(folder, "train.txt", lines[0], image, *lines[2:])
        (folder / mask).unlink()
        for mask_every in (0, 2):
            assert len(self.read(folder, "train", mask_every)) == len(self.train)
        assert_refused(lambda: self.read(folder, "train"), "train.txt:2", "no mask")

    def test_a_part_without_its_list_is_refused(self, folder):
        (folder / "val.txt").unlink()
        assert_refused(lambda: self.read(folder, "val"), folder / "val.txt")
