import pytest

from selene_tf.studies import description, runs
from tests.refusals import assert_refused
from tests.studies import study_case

TEXT = """
flagfile = "configs/demo.cfg"
control = "supervised"
seeds = [0, 3]
splits = ["unlabelled"]

[flags]
steps = 100
warm_up_steps = 10
consistency_ramp_steps = 50
crop_size = [64, 96]

[variants.supervised]
algorithm = "supervised"

[variants.budget]
budget_weight = 0.5
cutmix = true

[subsets."1/8"]
labelled_ratio = 8

[subsets.lists]
steps = 200
"""


def read(folder, text=TEXT):
    return study_case.read(folder, text, "scenes")


def test_every_variant_meets_every_subset_and_every_seed(tmp_path):
    all_runs = runs.of_study(read(tmp_path), tmp_path / "out")
    assert len({run.name for run in all_runs}) == len(all_runs) == 2 * 2 * 2
    assert len({run.folder for run in all_runs}) == 8
    # Runs of one seed together, so that pairs are there early.
    assert [run.seed for run in all_runs] == [0] * 4 + [3] * 4
    run = next(r for r in all_runs if r.name == "budget, lists, seed 3")
    assert run.arguments[0] == "--flagfile=configs/demo.cfg"
    assert {"--steps=200", "--budget_weight=0.5", "--cutmix=true", "--seed=3"} <= set(
        run.arguments
    )
    assert "--crop_size=64,96" in run.arguments
    assert run.steps == 200
    assert run.folder == tmp_path / "out/budget/lists/seed_3"
    # A subset's flag goes before the study's.
    assert run.arguments.count("--steps=200") == 1
    assert "--steps=100" not in run.arguments


def test_a_seed_stands_in_the_name_of_a_list(tmp_path):
    text = TEXT.replace("labelled_ratio = 8", 'labelled_list = "a_s{seed}.txt"')
    text = text.replace(
        "[flags]", f'[flags]\ndataset = "camvid"\ndata_dir = "{tmp_path}"'
    )
    text = text.replace('flagfile = "configs/demo.cfg"', "")
    arguments = {
        run.seed: run.arguments
        for run in runs.of_study(read(tmp_path, text), tmp_path)
        if run.subset == "1/8"
    }
    for seed in (0, 3):
        assert f"--labelled_list=a_s{seed}.txt" in arguments[seed]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[flags]", "[flag]", ["'flag'", "variants"]),
        ("seeds = [0, 3]", "seeds = [0, 0]", ["seeds", "twice"]),
        ("seeds = [0, 3]", "seeds = []", ["seeds"]),
        ("seeds = [0, 3]", 'seeds = ["a"]', ["seeds"]),
        ("seeds = [0, 3]", "seeds = 3", ["seeds", "a list"]),
        ('control = "supervised"', 'control = "none"', ["control", "'none'"]),
        ('splits = ["unlabelled"]', 'splits = ["test"]', ["splits", "test"]),
        ('subsets."1/8"', 'subsets."../8"', ["subsets", "'../8'"]),
        ("[subsets.lists]", "[subsets.1_8]", ["subsets", "alike"]),
        ("steps = 100", "seed = 1", ["flags", "'seed'"]),
        ("steps = 100", 'run_dir = "a"', ["flags", "'run_dir'"]),
        ("steps = 100", "steps = {a = 1}", ["flags.steps"]),
        ("[flags]", "[flags", ["cannot read"]),
    ],
)
def test_a_mistake_in_the_file_is_one_line(tmp_path, old, new, words):
    assert old in TEXT
    text = TEXT.replace(old, new)
    assert_refused(lambda: read(tmp_path, text), "scenes.toml", *words)


def test_a_study_without_any_flags_is_refused(tmp_path):
    assert_refused(lambda: read(tmp_path, "seeds = [0]"), "scenes.toml", "flagfile")


def test_a_missing_file_is_one_line(tmp_path):
    assert_refused(lambda: description.read(""), "--study", "found no file")
    assert_refused(lambda: description.read(tmp_path / "no.toml"), "no.toml", "TOML")


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("steps = 100", "stpes = 100", "stpes"),
        ("budget_weight = 0.5", "budget_weight = -1", "--budget_weight"),
        ("steps = 200", "steps = 5", "--warm_up_steps"),
        ("steps = 200", 'architecture = "no.json"', "no.json"),
        ('flagfile = "configs/demo.cfg"', 'flagfile = "no.cfg"', "no.cfg"),
    ],
)
def test_what_train_would_refuse_is_refused_before_anything_is_trained(
    tmp_path, old, new, word
):
    study = read(tmp_path, TEXT.replace(old, new))
    assert_refused(
        lambda: runs.of_study(study, tmp_path), "study scenes", word, "seed 0"
    )


def test_data_that_are_not_there_are_said_before_anything_is_trained(tmp_path):
    text = TEXT.replace("[flags]", '[flags]\ndataset = "camvid"\ndata_dir = "no_data"')
    study = read(tmp_path, text.replace('flagfile = "configs/demo.cfg"', ""))
    assert_refused(lambda: runs.of_study(study, tmp_path), "--data_dir", "no_data")
