"""The devices that a `Config` asks for, and who of several workers writes."""

import dataclasses
import json
import os

import numpy as np
import tensorflow as tf

from selene_tf.data.pipeline.batching import WorkerShard
from selene_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class Devices:
    """Where a training runs.

    Attributes:
        strategy: TensorFlow's strategy.
        worker: Number of this process among the workers.
        num_workers: How many processes train together.
    """

    strategy: tf.distribute.Strategy
    worker: int = 0
    num_workers: int = 1

    @property
    def replicas(self):
        """Devices that take a step together, those of other workers included."""
        return self.strategy.num_replicas_in_sync

    @property
    def is_chief(self):
        """Whether this is the process that writes the run folder."""
        return self.worker == 0

    @property
    def share(self):
        """Which rows of each step's batch this process reads."""
        local = self.replicas // self.num_workers
        return WorkerShard(self.worker, self.num_workers, local)

    def distribute(self, dataset):
        """Batches for single replicas as batches for all of this process."""
        if self.replicas == 1:
            return dataset
        return self.strategy.distribute_datasets_from_function(lambda _: dataset)

    def agree(self, number):
        """The largest number that any of the workers has; all have to ask."""
        if self.num_workers == 1:
            return number
        return int(max(self._all_of(number)))

    def wait_for_all(self):
        """Waits for the other workers, who fail when one of them is gone."""
        if self.num_workers > 1:
            self._all_of(0)

    def check_agreement(self, step):
        """Checks that all workers resume after the same step.

        Raises:
            UserError: if one of them does not see the others' checkpoints.
        """
        if self.num_workers == 1:
            return
        steps = sorted(set(self._all_of(step)))
        if steps != [step]:
            raise UserError(
                "--run_dir: the workers found checkpoints up to different steps "
                f"({', '.join(map(str, steps))}); expected a folder that all of them "
                "share."
            )

    def _all_of(self, number):
        """The numbers of all workers, once for each replica."""
        places = np.arange(self.replicas)
        parts = self.strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(
                (places == context.replica_id_in_sync_group) * number, tf.int64
            )
        )
        return self.strategy.reduce("SUM", parts, axis=None).numpy().tolist()

    def describe(self):
        """In words, for the line at the start of a run."""
        kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
        if self.replicas == 1:
            return f"one {kind}"
        workers = f" of {self.num_workers} workers" if self.num_workers > 1 else ""
        return f"{self.replicas} {kind}s{workers}"


def make_devices(config):
    """Sets up the devices; before TensorFlow does anything else in the process.

    Raises:
        UserError: if --strategy does not fit what is there, or the batch cannot be
            shared evenly.
    """
    devices = _make(config.strategy)
    check_fits(config, devices.replicas)
    return devices


def _make(kind):
    workers, number = _cluster()
    if kind == "multi_worker" and not workers:
        raise UserError(
            "--strategy: found multi_worker without TF_CONFIG in the environment; "
            "expected it to name all workers and which one this is (docs/devices.md)."
        )
    if kind in ("one", "mirrored") and workers > 1:
        raise UserError(
            f"--strategy: found {kind}, but TF_CONFIG names {workers} workers, each of "
            "which would write the same run; expected auto or multi_worker, or no "
            "TF_CONFIG."
        )
    if kind == "multi_worker" or (kind == "auto" and workers > 1):
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
        return Devices(strategy, number, workers)
    devices = _local()
    if kind == "mirrored" or (kind == "auto" and len(devices) > 1):
        return Devices(tf.distribute.MirroredStrategy(devices))
    return Devices(tf.distribute.get_strategy())


def _local():
    """All GPUs; else all CPUs, which is one unless somebody divided it."""
    for kind in ("GPU", "CPU"):
        devices = tf.config.list_logical_devices(kind)
        if devices:
            return [device.name for device in devices]
    return []


def _cluster():
    """How many workers TF_CONFIG names, and which one this is; 0, 0 without it."""
    text = os.environ.get("TF_CONFIG", "")
    if not text:
        return 0, 0
    try:
        content = json.loads(text)
        addresses, task = content["cluster"], content["task"]
        order = [("chief", n) for n in range(len(addresses.get("chief", [])))]
        order += [("worker", n) for n in range(len(addresses.get("worker", [])))]
        return len(order), order.index((task["type"], int(task["index"])))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(
            f"TF_CONFIG: found '{text}', expected JSON such as "
            '{"cluster": {"worker": ["host-0:2222", "host-1:2222"]}, '
            '"task": {"type": "worker", "index": 0}}.'
        ) from None


def check_fits(config, replicas):
    """Refuses what so many devices cannot share evenly, or not compile.

    Raises:
        UserError: one line for the first of these.
    """
    at_once = replicas * config.accumulate_steps
    if config.batch_size % at_once:
        raise UserError(
            f"--batch_size: found {config.batch_size} for {replicas} devices in "
            f"{config.accumulate_steps} parts each; expected a multiple of {at_once}."
        )
    has_strong_views = config.strong_augmentation and config.algorithm == "mean_teacher"
    mixes = has_strong_views and config.cutmix
    if mixes and at_once > 1 and config.batch_size // at_once % 2:
        raise UserError(
            f"--batch_size: found {config.batch_size}, which gives each of {replicas} "
            f"devices {config.batch_size // at_once} images at a time; expected an "
            "even number, since --cutmix mixes pairs of images."
        )
    if config.jit_compile and replicas > 1:
        raise UserError(
            f"--jit_compile: found with {replicas} devices; expected --nojit_compile, "
            "since XLA does not compile a step that devices take together."
        )
