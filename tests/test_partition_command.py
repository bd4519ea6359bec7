"""The lists that the command writes make the parts in training that it chose."""

import pytest

from selene_tf.config import Config
from selene_tf.data.datasets.splits import make_split
from selene_tf.data.datasets.subsets import parse_label_fraction
from selene_tf.experiment import split_lists
from selene_tf.experiment.datasets import open_folder
from tests.commands import assert_one_line, run
from tests.refusals import assert_refused

TRAIN, VAL, NEVER_LABELLED = "abcdefghij", "yz", "uv"
VOC_FOLDERS = ("JPEGImages", "SegmentationClass")


def write_list(folder, name, stems, masks=True):
    lines = [f"{stem}.png\tm/{stem}.png" if masks else f"{stem}.png" for stem in stems]
    (folder / name).write_text("\n".join(lines))


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "my data"
    (folder / "m").mkdir(parents=True)
    for stem in TRAIN + VAL:
        (folder / f"{stem}.png").touch()
        (folder / "m" / f"{stem}.png").touch()
    write_list(folder, "train.txt", TRAIN)
    write_list(folder, "val.txt", VAL)
    return folder


def make_config(data, **changes):
    values = {"dataset": "folder", "data_dir": str(data), "class_names": ("a", "b")}
    return Config(**(values | changes))


def write(data, output, fraction="1/3", seed=None, **changes):
    label_fraction = parse_label_fraction(fraction, None, seed)
    return split_lists.write_lists(
        make_config(data, **changes), label_fraction, str(output)
    )


def read_back(data, written):
    return make_split(open_folder(make_config(data)), 8, **written.flags)


def stems(examples):
    return "".join(example.image.stem for example in examples)


def test_lists_hold_images_and_masks_relative_to_the_data(data, tmp_path):
    write(data, tmp_path / "lists", "1/5")
    files = {path.name: path.read_bytes() for path in (tmp_path / "lists").iterdir()}
    assert files == {
        "labelled.txt": b"a.png\tm/a.png\nf.png\tm/f.png\n",
        "unlabelled.txt": b"b.png\nc.png\nd.png\ne.png\ng.png\nh.png\ni.png\nj.png\n",
    }


@pytest.mark.parametrize("never_labelled", ["", "uv"])
def test_the_rule_writes_the_parts_that_the_ratio_makes(data, tmp_path, never_labelled):
    if never_labelled:
        write_list(data, "unlabelled.txt", never_labelled, masks=False)
    written = write(data, tmp_path / "lists")
    split = read_back(data, written)
    assert split == make_split(open_folder(make_config(data)), 3)
    assert stems(split.labelled) == "adgj"
    assert stems(split.unlabelled) == "bcefhi" + never_labelled
    numbers = (written.num_labelled, written.num_unlabelled)
    assert numbers == (4, 6 + len(never_labelled))


def test_a_seed_chooses_from_all_training_images(data, tmp_path):
    write_list(data, "unlabelled.txt", NEVER_LABELLED, masks=False)
    split = read_back(data, write(data, tmp_path / "5", "0.3", seed=5))
    assert len(split.labelled) == 3
    assert sorted(stems(split.labelled + split.unlabelled)) == sorted(TRAIN + "uv")
    assert stems(split.unlabelled).endswith(NEVER_LABELLED)
    assert stems(split.validation) == VAL
    assert read_back(data, write(data, tmp_path / "again", "0.3", seed=5)) == split
    assert read_back(data, write(data, tmp_path / "6", "0.3", seed=6)) != split


def test_lists_are_relative_to_where_pascal_voc_was_found(tmp_path):
    folder = tmp_path / "VOCdevkit" / "VOC2012"
    lists = folder / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    for part, names in (("train", ["c", "a", "b"]), ("val", ["z"])):
        (lists / f"{part}.txt").write_text("\n".join(names))
        for path in [f"{kind}/{name}" for name in names for kind in VOC_FOLDERS]:
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / f"{path}.{'jpg' if 'JPEG' in path else 'png'}").touch()
    changes = {"dataset": "pascal_voc", "class_names": ()}
    written = write(tmp_path, tmp_path / "lists", "1/2", **changes)
    text = (tmp_path / "lists" / "labelled.txt").read_text()
    assert text.splitlines()[1] == "JPEGImages/c.jpg\tSegmentationClass/c.png"
    opened = open_folder(make_config(tmp_path, **changes))
    assert make_split(opened, 8, **written.flags) == make_split(opened, 2)


def test_by_the_rule_other_masks_are_not_looked_at(data, tmp_path):
    lines = [f"{stem}.png" for stem in TRAIN]
    lines[::3] = [f"{stem}.png\tm/{stem}.png" for stem in TRAIN[::3]]
    (data / "train.txt").write_text("\n".join(lines))
    assert write(data, tmp_path / "lists").num_labelled == 4
    with_seed = tmp_path / "with seed"
    assert_refused(lambda: write(data, with_seed, seed=0), "train.txt:2", "no mask")


@pytest.mark.parametrize("missing", ["m/d.png", "d.png"])
def test_a_labelled_image_must_be_there_with_its_mask(data, tmp_path, missing):
    (data / missing).unlink()
    assert_refused(lambda: write(data, tmp_path / "lists"), data / missing)
    assert not (tmp_path / "lists").exists()
    assert write(data, tmp_path / "lists", "1/4").num_labelled == 3


def test_with_all_labelled_there_is_no_second_list(data, tmp_path):
    written = write(data, tmp_path / "lists", "1")
    assert [path.name for path in (tmp_path / "lists").iterdir()] == ["labelled.txt"]
    assert stems(read_back(data, written).unlabelled) == ""


def test_lists_go_to_a_folder_named_after_the_share(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(data, "")
    write(data, "", "1/3", seed=2)
    for name in ("partition-1_3-rule", "partition-1_3-seed2"):
        assert (tmp_path / name / "labelled.txt").is_file()


@pytest.mark.parametrize("seed", [None, 0])
@pytest.mark.parametrize("leaked", ["a", "b"])
def test_images_that_validate_are_refused_in_training(data, tmp_path, seed, leaked):
    write_list(data, "val.txt", "y" + leaked)
    expected = [data / f"{leaked}.png", "validation"]
    assert_refused(lambda: write(data, tmp_path / "lists", seed=seed), *expected)
    assert not (tmp_path / "lists").exists()
    write_list(data, "other.txt", VAL)
    write(data, tmp_path / "lists", seed=seed, validation_list="other.txt")


@pytest.mark.parametrize("name", ["labelled.txt", "unlabelled.txt"])
def test_lists_are_never_overwritten(data, tmp_path, name):
    (tmp_path / name).write_text("years of work")
    assert_refused(lambda: write(data, tmp_path), "--output", tmp_path / name)
    assert (tmp_path / name).read_text() == "years of work"


def test_lists_are_not_written_among_the_data(data):
    assert_refused(lambda: write(data, data), "--output", data)


def test_a_folder_that_cannot_be_written_is_one_line(data):
    assert_refused(lambda: write(data, "/dev/null/lists"), "/dev/null/lists")


@pytest.mark.parametrize("dataset", ["scenes", "tfds:oxford_iiit_pet"])
def test_data_sets_without_files_are_refused(tmp_path, dataset):
    label_fraction = parse_label_fraction("1/8", None, None)
    config = Config(dataset=dataset)
    assert_refused(
        lambda: split_lists.write_lists(config, label_fraction, str(tmp_path)),
        *("--dataset", dataset, "--labelled_ratio"),
    )


@pytest.mark.parametrize("names", [["labelled"], ["labelled", "unlabelled"]])
def test_lists_of_another_partition_are_refused(data, tmp_path, names):
    lists = {f"{name}_list": "some.txt" for name in names}
    assert_refused(lambda: write(data, tmp_path, **lists), "--labelled_list", "some")


def run_command(data, *arguments, run=run):
    flags = ["--dataset=folder", f"--data_dir={data}", "--class_names=road,car"]
    return run("-m", "selene_tf.partition", *flags, *arguments)


def test_the_command_says_what_to_train_with(data, tmp_path):
    flagfile = tmp_path / "some.cfg"
    flagfile.write_text("--fraction=1/2\n--labelled_ratio=3\n")
    output = tmp_path / "my lists"
    result = run_command(data, f"--flagfile={flagfile}", f"--output={output}")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert result.stdout == (
        f"5 labelled and 5 unlabelled images are listed in {output}; train with "
        f"'--labelled_list={output}/labelled.txt' "
        f"'--unlabelled_list={output}/unlabelled.txt'\n"
    )


def test_the_seeds_default_value_counts_if_it_is_given(data, tmp_path):
    output = tmp_path / "lists"
    result = run_command(data, "--num_labelled=4", "--seed=0", f"--output={output}")
    assert result.returncode == 0, result.stderr
    written = write(data, tmp_path / "same", "0.4", seed=0)
    for name in ("labelled.txt", "unlabelled.txt"):
        assert (output / name).read_text() == (written.folder / name).read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["--fraction", "--num_labelled"]),
        (["--fraction=1/8", "--num_labelled=2"], ["--fraction", "--num_labelled"]),
        (["--fraction=8"], ["--fraction", "'8'"]),
        (["--num_labelled=46"], ["--seed", "46"]),
        (["--num_labelled=46.5"], ["--num_labelled"]),
        (["--fraction=1/8", "--seed=-1"], ["--seed", "-1"]),
        (["--fraction=1/8", "--dataset=campus"], ["--dataset", "campus"]),
    ],
)
def test_mistakes_end_with_one_line_before_anything_is_read(data, arguments, words):
    assert_one_line(run_command(data, *arguments), *words)


def test_help_lists_the_flags():
    result = run("-m", "selene_tf.partition", "--help")
    assert result.returncode == 0
    for name in ("--fraction", "--num_labelled", "--seed", "--data_dir"):
        assert name in result.stdout
