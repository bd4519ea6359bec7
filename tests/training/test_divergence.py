"""Steps whose gradients are not finite: skipped, counted, and when that is too many."""

import json

import numpy as np
import pytest
import tensorflow as tf

from selene_tf.algorithms.supervised import Supervised
from selene_tf.errors import TrainingDiverged
from selene_tf.evaluation.evaluate import Evaluation
from selene_tf.training import loop
from selene_tf.training.checkpoints import Checkpoints
from selene_tf.training.log import TrainingLog
from selene_tf.training.sgd import TorchSGD
from tests.algorithms.batches import labelled_part, values
from tests.algorithms.small import build_small_network, make_small_batch

# Functions run step by step; tracing takes longer than a few steps.
pytestmark = pytest.mark.usefixtures("eager")
STEPS = 9


def make_run(folder, checkpoint_every=2):
    """An algorithm and its supervisor, as a training makes them."""
    algorithm = Supervised(build_small_network(), 5.0)
    algorithm.compile(optimizer=TorchSGD(0.1, momentum=0.9, weight_decay=1e-3))
    algorithm.optimizer.build(algorithm.trainable_variables)
    checkpoints = Checkpoints(folder / "checkpoints", algorithm.named_variables())
    progress = loop.resume(checkpoints, STEPS)
    rate_factor = algorithm.optimizer.rate_factor
    rate_factor.assign(progress.learning_rate_factor)
    log = TrainingLog(
        folder, progress.step, STEPS, 3, lambda _: 0.1, 4, window=progress.log_window
    )
    supervisor = loop.Supervisor(
        0.0,
        progress,
        lambda: {
            "student": Evaluation(np.eye(3, dtype=int)[None], None, np.zeros((1, 2)))
        },
        "student",
        evaluate_every=STEPS,
        checkpoints=checkpoints,
        checkpoint_every=checkpoint_every,
        log=log,
        set_rate_factor=rate_factor.assign,
    )
    return algorithm, supervisor


def batches(bad):
    """A function from the steps taken to batches; a step of `bad` has a bad pixel."""

    def generate(step):
        while True:
            step += 1
            batch = labelled_part(make_small_batch(step))
            if bad(step):
                batch["image"][0, 2, 2, 1] = np.nan
            yield batch

    arrays = labelled_part(make_small_batch()).items()
    signature = {k: tf.TensorSpec(v.shape, v.dtype) for k, v in arrays}
    return lambda step: tf.data.Dataset.from_generator(
        lambda: generate(step), output_signature=signature
    )


def train(folder, bad, checkpoint_every=2):
    folder.mkdir(exist_ok=True)
    algorithm, supervisor = make_run(folder, checkpoint_every)
    loop.fit(algorithm, batches(bad), supervisor)
    return algorithm, supervisor


def lines_of(folder):
    lines = [json.loads(line) for line in (folder / "log.jsonl").open()]
    return [line for line in lines if "loss" in line or "skipped_steps" in line]


def test_a_step_that_is_not_finite_moves_nothing_and_is_counted(tmp_path):
    algorithm, supervisor = train(tmp_path, lambda step: step == 5)
    assert supervisor.progress.step == STEPS
    assert supervisor.progress.learning_rate_factor == 1.0
    counts = [line.get("skipped_steps", 0) for line in lines_of(tmp_path)]
    assert counts == [0, 1, 0]
    # Two of the window's three steps, so its mean is finite.
    assert all(np.isfinite(line["loss"]) for line in lines_of(tmp_path))
    for variable in algorithm.named_variables().values():
        assert np.isfinite(variable.numpy()).all(), variable.path


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_weights_and_velocities_stay_to_the_bit(number):
    algorithm = Supervised(build_small_network(), 5.0)
    algorithm.compile(optimizer=TorchSGD(0.1, momentum=0.9, weight_decay=1e-3))
    algorithm.optimizer.build(algorithm.trainable_variables)
    good = {k: tf.constant(v) for k, v in labelled_part(make_small_batch()).items()}
    algorithm.train_step(good)
    optimizer = algorithm.optimizer
    kept = [*algorithm.trainable_variables, *optimizer.velocities]
    before = values(kept)
    algorithm.train_step(good | {"image": good["image"] * number})
    assert all(map(np.array_equal, before, values(kept)))
    assert int(optimizer.iterations) == 2


def test_three_in_a_row_go_back_once_with_half_the_rate(tmp_path):
    """What was bad the first time is good when the steps are taken again."""
    seen = []

    def bad(step):
        seen.append(step)
        return step in (5, 6, 7) and seen.count(step) == 1

    algorithm, supervisor = train(tmp_path, bad)
    # The newest checkpoint was that after step 6.
    assert [seen.count(step) for step in (6, 7)] == [1, 2]
    assert supervisor.progress.learning_rate_factor == 0.5
    assert float(algorithm.optimizer.rate_factor) == 0.5
    lines = [(line["step"], line.get("skipped_steps")) for line in lines_of(tmp_path)]
    assert lines == [(3, None), (6, 2), (9, None)]


def test_when_that_does_not_help_it_stops_with_status_3(tmp_path, capsys):
    with pytest.raises(
        TrainingDiverged, match="3 steps in a row, up to step 9"
    ) as stop:
        train(tmp_path, lambda step: step >= 5)
    assert stop.value.status == 3
    assert "Going back to step 6" in capsys.readouterr().err
    # The next start ends alike: from a state that is finite.
    with pytest.raises(TrainingDiverged):
        train(tmp_path, lambda step: step >= 5)
    algorithm, _ = make_run(tmp_path)
    for variable in algorithm.named_variables().values():
        assert np.isfinite(variable.numpy()).all(), variable.path


def test_without_a_checkpoint_there_is_nothing_to_go_back_to(tmp_path):
    with pytest.raises(TrainingDiverged):
        train(tmp_path, lambda step: step < 4, checkpoint_every=100)
    assert not (tmp_path / "checkpoints").exists()


def test_a_run_that_was_stopped_logs_the_means_of_one_that_was_not(
    tmp_path, monkeypatch
):
    """Log windows of three steps, checkpoints after two."""
    train(tmp_path / "steady", lambda step: step == 5)
    count = loop.Supervisor.on_train_batch_end

    def count_and_die(supervisor, batch, logs=None):
        count(supervisor, batch, logs)
        if supervisor.progress.step == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop.Supervisor, "on_train_batch_end", count_and_die)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "killed", lambda step: step == 5)
    algorithm, supervisor = make_run(tmp_path / "killed")
    assert supervisor.progress.step == 4
    loop.fit(algorithm, batches(lambda step: step == 5), supervisor)
    one, other = (lines_of(tmp_path / name) for name in ("steady", "killed"))
    for line in (*one, *other):
        line.pop("images_per_second")
    assert one == other
