"""Checkpoints that a crash cannot spoil, each in a folder of its own.

A checkpoint is written into a hidden folder together with a manifest of its
files' SHA-256 sums, and then renamed: what bears a checkpoint's name is whole. On
restoring, the newest one whose sums hold is taken.
"""

import hashlib
import json
import os
import pathlib
import shutil
import sys

import tensorflow as tf

from selene_tf.errors import UserError
from selene_tf.training import run_folder

_PREFIX = "step-"


class Checkpoints:
    """Saves and restores named variables and a few numbers.

    Args:
        folder: Where they lie, as step-00001000 and so on.
        variables: Name to Keras variable; all that a run has to remember.
        keep: How many checkpoints stay.
        writes: Whether `save` does anything; of several workers only one does.
    """

    def __init__(self, folder, variables, keep=2, writes=True):
        self.folder = pathlib.Path(folder)
        self.keep = keep
        self.writes = writes
        values = {name: variable.value for name, variable in variables.items()}
        self._checkpoint = tf.train.Checkpoint(variables=values)

    def save(self, step, state):
        """Writes a checkpoint, then removes the oldest beyond `keep`.

        Args:
            step: The step that it is the state after.
            state: JSON-able numbers that come back from `restore`.

        Raises:
            UserError: if it cannot be written. Earlier ones stay intact.
        """
        if not self.writes:
            return
        final = self.folder / f"{_PREFIX}{step:08d}"
        temporary = self.folder / f".{final.name}.part"
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            self._checkpoint.write(str(temporary / "variables"))
            manifest = {"step": step, "state": state, "sha256": _sums(temporary)}
            run_folder.write_json(temporary / "manifest.json", manifest)
            shutil.rmtree(final, ignore_errors=True)
            os.replace(temporary, final)
        except (OSError, tf.errors.OpError) as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise UserError(
                f"cannot write the checkpoint {final} ({run_folder.reason(error)}); "
                "free some space and start the command again: it resumes from the one "
                "before."
            ) from None
        for old in self._all()[self.keep :]:
            shutil.rmtree(old, ignore_errors=True)

    def restore(self, partly=False):
        """Restores the newest checkpoint that is intact.

        Args:
            partly: Whether it may hold more variables than were given.

        Returns:
            (step, state), or None if there is no checkpoint at all.

        Raises:
            UserError: if there are some, but all of them are damaged.
        """
        folders = self._all()
        for folder in folders:
            manifest = _read_manifest(folder)
            if manifest is None:
                print(  # noqa: T201
                    f"warning: {folder} is damaged; trying the checkpoint before it.",
                    file=sys.stderr,
                )
                continue
            self._read(folder, partly)
            return manifest["step"], manifest["state"]
        if folders:
            raise UserError(
                f"{self.folder}: all {len(folders)} checkpoints are damaged; restore "
                "one from a backup, or start anew with another --run_dir."
            )
        return None

    def _read(self, folder, partly):
        status = self._checkpoint.read(str(folder / "variables"))
        try:
            status.assert_existing_objects_matched()
            status.expect_partial() if partly else status.assert_consumed()
        except AssertionError:
            raise UserError(
                f"{folder} holds other variables than this network has; it was "
                "written by another release of selene_tf."
            ) from None

    def _all(self):
        """Folders of checkpoints, newest first."""
        return sorted(self.folder.glob(f"{_PREFIX}*"), reverse=True)


def _sums(folder):
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("variables*"))
    }


def _read_manifest(folder):
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        intact = manifest["sha256"] == _sums(folder) and manifest["sha256"]
        return manifest if intact and "state" in manifest else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
