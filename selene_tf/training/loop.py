"""The training loop around `fit`: evaluations, checkpoints, signals."""

import contextlib
import dataclasses
import signal
import sys
import time

import keras

from selene_tf.training import run_folder


@dataclasses.dataclass
class Progress:
    """What a run remembers beside its variables.

    Attributes:
        step: Optimiser steps taken.
        seconds: Time of all starts together, from reading the data on.
        best_mean_iou: Best score of the deployed network so far, or None.
    """

    step: int = 0
    seconds: float = 0.0
    best_mean_iou: float | None = None


def resume(checkpoints, log_file):
    """Restores the newest checkpoint and cuts the log back to it.

    Args:
        checkpoints: A `Checkpoints`.
        log_file: The run's log.jsonl.

    Returns:
        A `Progress`, at step 0 if there is no checkpoint.
    """
    restored = checkpoints.restore()
    progress = Progress(**restored[1]) if restored else Progress()
    run_folder.drop_log_after(log_file, progress.step)
    return progress


class Supervisor(keras.callbacks.Callback):
    """Evaluates and saves every so often, and before the process has to go.

    Args:
        started: `time.perf_counter()` when the command began.
        progress: A `Progress`, kept up to date.
        evaluate: Function without arguments, returns {name: `Evaluation`} of
            the networks.
        deployed: Name of the network whose score counts.
        evaluate_every: Steps between two evaluations.
        checkpoints: A `Checkpoints`.
        checkpoint_every: Steps between two checkpoints.
        log: A `TrainingLog`.
        agree: Of several workers: function from this one's wish to stop, a signal's
            number or 0, to the wish of any of them.
    """

    def __init__(  # noqa: PLR0913 (all that happens around a step)
        self,
        started,
        progress,
        evaluate,
        deployed,
        evaluate_every,
        checkpoints,
        checkpoint_every,
        log,
        agree=lambda number: number,
    ):
        super().__init__()
        self.progress = progress
        self.evaluate = evaluate
        self.deployed = deployed
        self.last_evaluations = None
        self.evaluate_every = evaluate_every
        self.checkpoints = checkpoints
        self.checkpoint_every = checkpoint_every
        self.log = log
        self._counted = started
        self.agree = agree
        self._signal = 0

    def on_train_batch_end(self, batch, logs=None):
        del batch, logs
        self.progress.step += 1
        # One that stopped alone would leave the others waiting for it.
        stop = self.agree(self._signal)
        if self._due(self.evaluate_every):
            self._evaluate()
        if self._due(self.checkpoint_every) or stop:
            self._save()
        if stop:
            print("stopped; the same command goes on.", file=sys.stderr)  # noqa: T201
            sys.exit(128 + stop)

    @contextlib.contextmanager
    def listening(self):
        """Lets SIGINT and SIGTERM end the training after a last checkpoint."""
        handlers = {
            number: signal.signal(number, self._note_signal)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def _due(self, every):
        return self.progress.step % every == 0 or self.progress.step == self.log.steps

    def _note_signal(self, number, frame):
        del frame
        self._signal = number

    def _evaluate(self):
        started = time.perf_counter()
        results = self.evaluate()
        self.last_evaluations = results
        score, best = results[self.deployed].mean_iou, self.progress.best_mean_iou
        self.progress.best_mean_iou = score if best is None else max(best, score)
        self.log.leave_out(time.perf_counter() - started)
        scores = {f"mean_iou_{name}": r.mean_iou for name, r in results.items()}
        self.log.add({"mean_iou": score, **scores})

    def count_seconds(self):
        """Adds the time since the last count to the run's."""
        now = time.perf_counter()
        self.progress.seconds += now - self._counted
        self._counted = now

    def _save(self):
        started = time.perf_counter()
        self.count_seconds()
        self.checkpoints.save(self.progress.step, dataclasses.asdict(self.progress))
        self.log.leave_out(time.perf_counter() - started)


def fit(algorithm, dataset, supervisor):
    """Trains for the steps that are left.

    Args:
        algorithm: A compiled `Algorithm`.
        dataset: Endless batches, from that of the next step on.
        supervisor: A `Supervisor`; its log is closed at the end.

    Raises:
        RuntimeError: if the data ended before the training did.
    """
    log, progress = supervisor.log, supervisor.progress
    try:
        with supervisor.listening():
            if progress.step < log.steps:
                _fit(algorithm, dataset, log.steps - progress.step, [log, supervisor])
    finally:
        log.close()
    if progress.step != log.steps:
        # `fit` takes some errors for the end of the data and returns.
        raise RuntimeError(f"The training ended at step {progress.step}.")


def _fit(algorithm, dataset, steps, callbacks):
    # One "epoch" of just the steps that are left, so that a resumed run takes
    # exactly as many steps as an uninterrupted one.
    algorithm.fit(
        dataset,
        epochs=1,
        steps_per_epoch=steps,
        callbacks=callbacks,
        shuffle=False,
        verbose=0,
    )
