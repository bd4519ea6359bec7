"""The training loop around `fit`: evaluations, checkpoints, signals, divergence."""

import contextlib
import dataclasses
import signal
import sys
import time

import keras

from selene_tf.errors import TrainingDiverged, UserError
from selene_tf.training import divergence

# Of the learning rate after going back to a checkpoint.
_LOWERED = 0.5
# SIGHUP: the terminal was closed.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclasses.dataclass
class Progress:
    """What a run remembers beside its variables.

    Attributes:
        step: Optimiser steps taken.
        seconds: Time of all starts together, from reading the data on.
        best_mean_iou: Best score of the deployed network so far, or None.
        learning_rate_factor: Factor on the learning rate; below 1 once the run went
            back to a checkpoint, since its numbers were no longer finite.
        skipped_in_a_row: Steps before this one that were skipped, without another
            between them.
        log_window: Of the log's interval that is not over yet, see
            `TrainingLog.window`.
    """

    step: int = 0
    seconds: float = 0.0
    best_mean_iou: float | None = None
    learning_rate_factor: float = 1.0
    skipped_in_a_row: int = 0
    log_window: dict = dataclasses.field(default_factory=dict)

    @classmethod
    def from_state(cls, state, folder):
        """That of a checkpoint.

        Args:
            state: What `Checkpoints.restore` returned.
            folder: The checkpoints' folder, for the message.

        Raises:
            UserError: it is that of another release.
        """
        types = {
            "step": int,
            "seconds": int | float,
            "best_mean_iou": int | float | None,
            "learning_rate_factor": float,
            "skipped_in_a_row": int,
            "log_window": dict,
        }
        required = {"step", "seconds", "best_mean_iou"}
        if not required <= state.keys() <= types.keys() or not all(
            isinstance(value, types[name]) for name, value in state.items()
        ):
            raise UserError(
                f"{folder}: the newest checkpoint's state is not what this release of "
                f"selene_tf writes (found {', '.join(sorted(map(str, state)))}); go on "
                "with the release that started the run, or use another --run_dir."
            )
        return cls(**state)


def resume(checkpoints, steps):
    """Restores the newest checkpoint.

    Args:
        checkpoints: A `Checkpoints`.
        steps: Steps of the whole training.

    Returns:
        A `Progress`, at step 0 if there is no checkpoint.

    Raises:
        UserError: if all are damaged, or the newest is of another run or release.
    """
    restored = checkpoints.restore()
    if restored is None:
        return Progress()
    progress = Progress.from_state(restored[1], checkpoints.folder)
    if progress.step != restored[0] or progress.step > steps:
        raise UserError(
            f"{checkpoints.folder}: found a checkpoint after step {progress.step}, "
            f"expected one of a training of {steps} steps; use another --run_dir."
        )
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
        set_rate_factor: Function of a factor that the learning rate then has.
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
        set_rate_factor=lambda _: None,
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
        self.set_rate_factor = set_rate_factor
        self.agree = agree
        self._signal = 0

    def on_train_begin(self, logs=None):
        del logs
        self._statistics = divergence.StatisticsBackup(self.model.named_variables())

    def on_train_batch_end(self, batch, logs=None):
        del batch
        self.progress.step += 1
        self._count_skipped(logs)
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
        """Lets signals that ask to stop end the training after a last checkpoint."""
        handlers = {
            number: signal.signal(number, self._note_signal) for number in _SIGNALS
        }
        try:
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def go_back(self, reason):
        """Goes back to the newest checkpoint, once in a run, with a lower rate.

        Args:
            reason: The `TrainingDiverged` that tells what happened.

        Raises:
            TrainingDiverged: the run went back before, or has no checkpoint.
        """
        restored = None
        if self.progress.learning_rate_factor == 1.0:
            restored = self.checkpoints.restore()
        if restored is None:
            raise reason
        earlier = Progress.from_state(restored[1], self.checkpoints.folder)
        earlier.seconds, earlier.learning_rate_factor = self.progress.seconds, _LOWERED
        earlier.skipped_in_a_row = 0
        # The same object, which others hold too.
        vars(self.progress).update(vars(earlier))
        self.set_rate_factor(_LOWERED)
        self.log.go_back(self.progress.step, self.progress.log_window)
        print(  # noqa: T201
            f"warning: {reason} Going back to step {self.progress.step}, with "
            f"{_LOWERED:g} of the learning rate from there on.",
            file=sys.stderr,
        )

    def _count_skipped(self, logs):
        """Steps that moved no weight, since a gradient was not finite."""
        if not divergence.is_skipped(logs):
            self.progress.skipped_in_a_row = 0
            return
        self._statistics.mend()
        self.progress.skipped_in_a_row += 1
        if self.progress.skipped_in_a_row == divergence.MAX_SKIPPED:
            raise divergence.too_many_skipped(self.progress.step)

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
        self.progress.log_window = self.log.window()
        self.checkpoints.save(self.progress.step, dataclasses.asdict(self.progress))
        self._statistics.take()
        self.log.leave_out(time.perf_counter() - started)


def fit(algorithm, make_dataset, supervisor):
    """Trains for the steps that are left.

    Args:
        algorithm: A compiled `Algorithm`.
        make_dataset: Function from the number of steps taken to endless batches, from
            that of the next step on.
        supervisor: A `Supervisor`; its log is closed at the end.

    Raises:
        TrainingDiverged: if the numbers were not finite, twice.
        RuntimeError: if the data ended before the training did.
    """
    log, progress = supervisor.log, supervisor.progress
    try:
        with supervisor.listening():
            while progress.step < log.steps:
                dataset, left = make_dataset(progress.step), log.steps - progress.step
                try:
                    _fit(algorithm, dataset, left, [log, supervisor])
                    break
                except TrainingDiverged as reason:
                    supervisor.go_back(reason)
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
