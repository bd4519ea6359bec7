"""Checkpoints that a crash cannot spoil, each in a folder of its own.

A checkpoint is written into a hidden folder together with a manifest of its
files' SHA-256 sums and its own, flushed to the disk, and then renamed: what bears a
checkpoint's name is whole. On restoring, the newest one whose sums hold is taken.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import sys

import tensorflow as tf

from selene_tf.errors import UserError
from selene_tf.training import atomic_write, divergence, run_folder
from selene_tf.training.plain_path import plain_path

# Nothing else in the folder is ours, a user's copy "step-best" neither.
_NAME = re.compile(r"step-(\d{8})")
_KEYS = {"step", "state", "sha256", "manifest_sha256"}
# Of versions that did not protect the manifest itself.
_EARLIER_KEYS = _KEYS - {"manifest_sha256"}
_MAX_MANIFEST_BYTES = 1_000_000


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
        self._values = {name: variable.value for name, variable in variables.items()}
        self._checkpoint = tf.train.Checkpoint(variables=self._values)

    def save(self, step, state):
        """Writes a checkpoint, then removes the oldest beyond `keep`.

        Args:
            step: The step that it is the state after.
            state: JSON-able numbers that come back from `restore`.

        Raises:
            UserError: if it cannot be written. Earlier ones stay intact.
            TrainingDiverged: if a variable is not finite. Likewise.
        """
        divergence.check_variables(step, self._values)
        if not self.writes:
            return
        final = self.folder / f"step-{step:08d}"
        temporary = self.folder / f".{final.name}.part"
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            self._checkpoint.write(str(temporary / "variables"))
            content = {"step": step, "state": state, "sha256": _sums(temporary)}
            manifest = content | {"manifest_sha256": _sum_of(content)}
            run_folder.write_json(temporary / "manifest.json", manifest)
            # A name that survives a power loss must not name half a content.
            atomic_write.flush(temporary)
            shutil.rmtree(final, ignore_errors=True)
            os.replace(temporary, final)
            atomic_write.flush_folder(self.folder)
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
            names = ", ".join(folder.name for folder in folders)
            raise UserError(
                f"{self.folder}: all {len(folders)} checkpoints are damaged ({names}); "
                "restore one from a backup, or start anew with another --run_dir."
            )
        return None

    def _read(self, folder, partly):
        try:
            with plain_path(folder) as readable:
                status = self._checkpoint.read(str(readable / "variables"))
            status.assert_existing_objects_matched()
            status.expect_partial() if partly else status.assert_consumed()
        # Another number of variables, or others of the same names.
        except (AssertionError, ValueError, tf.errors.OpError):
            raise UserError(
                f"{folder} holds other variables than this network has; expected a "
                "checkpoint of this run, written by this release of selene_tf."
            ) from None

    def _all(self):
        """Folders of checkpoints, newest first."""
        if not self.folder.is_dir():
            return []
        ours = (path for path in self.folder.iterdir() if _NAME.fullmatch(path.name))
        return sorted(ours, reverse=True)


def _sums(folder):
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("variables*"))
    }


def _sum_of(content):
    """Of the manifest's content, however it is laid out in the file."""
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _read_manifest(folder):
    """A checkpoint's manifest; None if that or a file of it is damaged."""
    try:
        file = folder / "manifest.json"
        if file.stat().st_size > _MAX_MANIFEST_BYTES:
            return None
        manifest = json.loads(file.read_text(encoding="utf-8"))
        return manifest if _is_intact(folder, manifest) else None
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def _is_intact(folder, manifest):
    if not isinstance(manifest, dict) or manifest.keys() not in (_KEYS, _EARLIER_KEYS):
        return False
    content = {name: manifest[name] for name in _EARLIER_KEYS}
    if manifest.keys() == _KEYS and manifest["manifest_sha256"] != _sum_of(content):
        return False
    number = int(_NAME.fullmatch(folder.name)[1])
    is_own = manifest["step"] == number and isinstance(manifest["state"], dict)
    return is_own and manifest["sha256"] == _sums(folder) and bool(manifest["sha256"])
