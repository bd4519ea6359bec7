"""What a training run tells while it runs: bar, log.jsonl, TensorBoard."""

import sys
import time

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from selene_tf.training import divergence, event_files, run_folder

_WRITE_ERRORS = (OSError, tf.errors.OpError)


class TrainingLog(keras.callbacks.Callback):
    """Shows progress and logs the mean losses of every interval.

    On a terminal there is a bar; elsewhere a line at each interval.

    Args:
        run_dir: The run's folder (a `pathlib.Path`).
        first_step: Steps taken before this start.
        steps: Steps of the whole training.
        log_every: Steps of an interval.
        learning_rate: Function from the step to the rate.
        images_per_step: Images that a step reads, for the speed.
        class_names: Names for what has a value for each class, in their order.
        window: What `window` returned when the run was saved, to go on with.
    """

    def __init__(
        self,
        run_dir,
        first_step,
        steps,
        log_every,
        learning_rate,
        images_per_step,
        class_names=(),
        window=None,
    ):
        super().__init__()
        self.learning_rate = learning_rate
        self.file = run_dir / "log.jsonl"
        event_files.drop_after(run_dir / "tensorboard", first_step)
        self.tensorboard = _writer(run_dir)
        self.step = first_step
        self.steps = steps
        self.log_every = log_every
        self.images_per_step = images_per_step
        self.class_names = tuple(class_names)
        self._sums, self._count, self._skipped = {}, 0, 0
        self._open_window(window or {})
        # Steps since when, for the speed; None until the first step is traced.
        self._timed, self._since = 0, None
        self.bar = tqdm(
            total=steps,
            initial=first_step,
            unit="step",
            disable=not sys.stderr.isatty(),
            dynamic_ncols=True,
        )

    def on_train_batch_end(self, batch, logs=None):
        del batch
        self.step += 1
        if divergence.is_skipped(logs):
            self._skipped += 1
        else:
            divergence.check_losses(self.step, logs)
            for name, value in logs.items():
                value = np.asarray(value, np.float64)
                self._sums[name] = self._sums.get(name, 0.0) + value
            self._count += 1
        self._timed += 1
        if self._since is None:
            self._timed, self._since = 0, time.perf_counter()
        self.bar.update()
        if self.step % self.log_every == 0 or self.step == self.steps:
            self._write_interval()

    def window(self):
        """The sums of the interval that is not over yet, for JSON.

        A run that is stopped within an interval goes on with them, and logs the means
        that an uninterrupted one does.
        """
        sums = {name: value.tolist() for name, value in self._sums.items()}
        return {"sums": sums, "count": self._count, "skipped": self._skipped}

    def _open_window(self, window):
        sums = window.get("sums", {})
        self._sums = {name: np.asarray(value) for name, value in sums.items()}
        self._count, self._skipped = window.get("count", 0), window.get("skipped", 0)

    def go_back(self, step, window):
        """Takes back what was logged after a step; `window` is that of the step."""
        self.tensorboard.close()
        run_folder.drop_log_after(self.file, step)
        event_files.drop_after(self.file.parent / "tensorboard", step)
        self.tensorboard = _writer(self.file.parent)
        self.step, self._since = step, None
        self._open_window(window)
        self.bar.reset(self.steps)
        self.bar.update(step)

    def close(self):
        """Closes the bar and the event file, however the training ended."""
        self.bar.close()
        with run_folder.user_errors(self.file.parent, _WRITE_ERRORS):
            self.tensorboard.close()

    def add(self, values):
        """Logs and shows numbers by name at the present step."""
        self._record(values)
        self._show(values)

    def leave_out(self, seconds):
        """Leaves time spent on something else out of the speed."""
        if self._since is not None:
            self._since += seconds

    def _show(self, values):
        text = "  ".join(
            f"{name} {_short(value)}" for name, value in _numbers(values).items()
        )
        self.bar.write(f"step {self.step}/{self.steps}  {text}", file=sys.stderr)

    def _record(self, values):
        run_folder.append_json_line(self.file, {"step": self.step, **values})
        # Inside the block, since `fit` takes one of TensorFlow's errors, that of a
        # write past a limit, for the end of the data.
        with run_folder.user_errors(self.file.parent, _WRITE_ERRORS):
            with self.tensorboard.as_default(step=self.step):
                for name, value in _flat(values).items():
                    if value is not None:
                        tf.summary.scalar(name, value)
            self.tensorboard.flush()

    def _write_interval(self):
        values = {
            name: self._by_class(total / self._count)
            for name, total in self._sums.items()
        }
        if self._skipped:
            values["skipped_steps"] = self._skipped
        # The rate of the step just taken; the optimiser's is that of the next.
        values["learning_rate"] = float(self.learning_rate(self.step - 1))
        values["images_per_second"] = self._speed()
        self._sums, self._count, self._skipped = {}, 0, 0
        self._record(values)
        if self.bar.disable:
            self._show(values | {"minutes_left": self._minutes_left()})
        else:
            # What a narrow terminal cuts off is what comes last.
            names = ("loss", "images_per_second")
            # Without a loss where every step was skipped.
            first = {name: values[name] for name in names if name in values}
            shown = {k: _short(v) for k, v in _numbers(first | values).items()}
            self.bar.set_postfix(shown)
        self._timed, self._since = 0, time.perf_counter()

    def _by_class(self, value):
        """A number, or numbers by class, as JSON has them."""
        if not value.ndim:
            return float(value)
        return dict(zip(self.class_names, value.tolist(), strict=True))

    def _speed(self):
        if not self._timed:
            return None
        seconds = max(time.perf_counter() - self._since, 1e-9)
        return self._timed * self.images_per_step / seconds

    def _minutes_left(self):
        speed = self._speed()
        if speed is None:
            return None
        images = (self.steps - self.step) * self.images_per_step
        return round(images / speed / 60, 2)


def _writer(run_dir):
    return tf.summary.create_file_writer(str(run_dir / "tensorboard"))


def _short(value):
    return "-" if value is None else f"{value:.4g}"


def _numbers(values):
    """Without what has a value for each class."""
    return {k: v for k, v in values.items() if not isinstance(v, dict)}


def _flat(values):
    """Values of each class under a name of their own, as TensorBoard groups them."""
    flat = _numbers(values)
    for name, by_class in values.items():
        if name not in flat:
            flat |= {f"{name}/{part}": number for part, number in by_class.items()}
    return flat
