"""The search over flags, with a table in place of trainings."""

import json

import pytest

pytest.importorskip("optuna", reason="pip install -e '.[tune]'")

from selene_tf.studies import tuner, tuning
from tests.refusals import assert_refused
from tests.studies import study_case

TEXT = (
    study_case.TEXT
    + """
[tuning]
trials = 12
objectives = ["mean_iou", "macs"]
prune_after = 3

[tuning.parameters]
learning_rate = { low = 0.001, high = 1.0, log = true }
num_layers = { low = 3, high = 6 }
momentum = { choices = [0.5, 0.9] }
"""
)


def score_of(flags):
    """Best at a learning rate of 0.1."""
    distance = abs(float(flags["learning_rate"]) - 0.1)
    return 0.9 - min(0.8, distance)


class Table:
    """A pool that knows each training's result at once.

    Args:
        jobs: Not used.
        dies_at: Trial in the middle of which everything is killed; None for none.
    """

    def __init__(self, jobs, dies_at=None):
        del jobs
        self.dies_at = dies_at

    def run(self, commands, log_of, watch):
        for name, command in commands.items():
            flags = dict(a[2:].split("=", 1) for a in command if a.startswith("--"))
            folder = log_of(name).parents[1] / log_of(name).stem
            folder.mkdir(parents=True, exist_ok=True)
            score = score_of(flags)
            log = folder / "log.jsonl"
            log.write_text(json.dumps({"step": 1, "mean_iou": score}) + "\n")
            if self.dies_at is not None and name == f"trial {self.dies_at}":
                raise KeyboardInterrupt
            if watch(name):
                yield name, -15, 0.0
                continue
            macs = {"mean": 1e6 * int(flags["num_layers"])}
            summary = {"mean_iou": score, "macs": macs}
            (folder / "summary.json").write_text(json.dumps(summary))
            yield name, 0, 0.0


def tune(folder, text=TEXT, **options):
    study = study_case.read(folder, text)
    return tuner.tune(study, folder / "out", 1, lambda jobs: Table(jobs, **options))


def test_trials_are_pruned_by_the_median_of_the_complete_ones(tmp_path):
    content = tune(tmp_path)
    trials = content["trials"]
    assert len(trials) == 12
    states = {trial["state"] for trial in trials}
    assert states == {"complete", "pruned"}
    seen = []
    for trial in trials:
        score = score_of(trial["parameters"])
        behind = (
            len(seen) >= 3
            and score < sorted(seen)[len(seen) // 2]
            and (
                len(seen) % 2 or score < sum(sorted(seen)[len(seen) // 2 - 1 :][:2]) / 2
            )
        )
        assert (trial["state"] == "pruned") == bool(behind), trial
        if trial["state"] == "complete":
            seen.append(score)


def test_the_best_are_those_that_no_other_beats_in_both(tmp_path):
    content = tune(tmp_path, TEXT.replace("prune_after = 3", "prune_after = 0"))
    values = {t["number"]: t["values"] for t in content["trials"]}
    for number, own in values.items():
        is_beaten = any(
            other["mean_iou"] >= own["mean_iou"]
            and other["macs"] <= own["macs"]
            and other != own
            for other in values.values()
        )
        assert (number in content["best"]) == (not is_beaten)


def test_parameters_lie_in_their_ranges(tmp_path):
    for trial in tune(tmp_path)["trials"]:
        parameters = trial["parameters"]
        assert 0.001 <= parameters["learning_rate"] <= 1
        assert parameters["num_layers"] in (3, 4, 5, 6)
        assert parameters["momentum"] in (0.5, 0.9)


def test_after_a_kill_the_interrupted_trial_goes_on_with_its_parameters(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        tune(tmp_path, dies_at=4)
    journal = (tmp_path / "out/tuning.journal").read_text()
    content = tune(tmp_path)
    assert (tmp_path / "out/tuning.journal").read_text().startswith(journal)
    assert [trial["number"] for trial in content["trials"]] == list(range(12))
    assert all(trial["state"] in ("complete", "pruned") for trial in content["trials"])
    # Nothing is left to do.
    assert tune(tmp_path) == content


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("trials = 12", "trials = 0", ["trials"]),
        ("trials = 12", "trail = 12", ["'trail'"]),
        ('"mean_iou", "macs"', '"accuracy"', ["objectives", "accuracy"]),
        ('"mean_iou", "macs"', '"macs", "macs"', ["objectives"]),
        ("low = 0.001", "low = 2.0", ["learning_rate"]),
        ("low = 0.001", "low = -1", ["learning_rate"]),
        ("choices = [0.5, 0.9]", "choices = []", ["momentum"]),
        ("prune_after = 3", 'variant = "no"', ["variant", "'no'"]),
    ],
)
def test_a_mistake_in_the_table_is_one_line(tmp_path, old, new, words):
    assert old in TEXT
    study = study_case.read(tmp_path, TEXT.replace(old, new))
    assert_refused(lambda: tuning.parse(study), "study tiny, tuning", *words)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("learning_rate = {", "lerning_rate = {", "lerning_rate"),
        ("high = 1.0", "high = inf", "learning_rate"),
        ("low = 3, high = 6", "low = 2, high = 6", "--num_layers"),
    ],
)
def test_a_flag_that_is_refused_leaves_no_trial_behind(tmp_path, old, new, word):
    text = TEXT.split("[tuning]")
    text = "[tuning]".join([text[0], text[1].replace(old, new)])
    assert_refused(lambda: tune(tmp_path, text), word)
    assert len(tune(tmp_path)["trials"]) == 12


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('"mean_iou", "macs"', '"macs", "mean_iou"', "objectives"),
        ("choices = [0.5, 0.9]", "choices = [0.5, 0.8]", "parameters"),
        ("steps = 2", "steps = 3", "flags"),
    ],
)
def test_a_search_does_not_go_on_as_another_one(tmp_path, old, new, word):
    content = tune(tmp_path)
    assert_refused(lambda: tune(tmp_path, TEXT.replace(old, new)), "--output", word)
    assert tune(tmp_path) == content


def test_a_trial_that_was_killed_while_it_was_drawn_is_given_up(tmp_path, monkeypatch):
    suggest = tuner._suggest

    def suggest_and_die(trial, name, values):
        if trial.number == 3 and name == "num_layers":
            raise KeyboardInterrupt
        suggest(trial, name, values)

    monkeypatch.setattr(tuner, "_suggest", suggest_and_die)
    with pytest.raises(KeyboardInterrupt):
        tune(tmp_path)
    monkeypatch.undo()
    states = [trial["state"] for trial in tune(tmp_path)["trials"]]
    assert len(states) == 12
    assert states[3] == "fail"
    assert states.count("fail") == 1


def test_a_study_without_the_table_is_refused(tmp_path):
    study = study_case.read(tmp_path)
    assert_refused(lambda: tuning.parse(study), "tuning")
