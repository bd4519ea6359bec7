"""What a report's page shows of a run."""

import dataclasses
import pathlib

import numpy as np

from selene_tf.architectures import RoutingPath


@dataclasses.dataclass(frozen=True)
class Example:
    """A validation image of a run.

    Attributes:
        kind: "best", "median" or "worst".
        name: What the user calls it.
        mean_iou: Its own mean IoU, over the classes that occur in it.
        png: Bytes of the drawing: image, truth, prediction, where it is wrong.
        path: The `RoutingPath` of what it opens; None without gates.
    """

    kind: str
    name: str
    mean_iou: float
    png: bytes
    path: RoutingPath | None


@dataclasses.dataclass(frozen=True)
class RunContent:
    """What a report's page shows of a run; of an unfinished one less is there.

    Attributes:
        name: Its folder, as short as tells it from the others.
        flags: {flag: text}.
        log: The lines of log.jsonl.
        class_names: Names of the classes.
        summary: The content of summary.json; None of a run without an end.
        confusion: int (classes, classes), labels in rows; None likewise.
        path: The discovered `RoutingPath`; None of a network without routes.
        architecture: The searched architecture of a compact network; None of others.
        examples: A list of `Example`.
        legend: (name, (red, green, blue)) of each class; empty without examples.
        exports: Lines of exports.jsonl.
        evaluations: {name: content} of evaluation-NAME.json.
    """

    name: str
    flags: dict
    log: list
    class_names: list
    summary: dict | None = None
    confusion: np.ndarray | None = None
    path: RoutingPath | None = None
    architecture: object = None
    examples: list = dataclasses.field(default_factory=list)
    legend: list = dataclasses.field(default_factory=list)
    exports: list = dataclasses.field(default_factory=list)
    evaluations: dict = dataclasses.field(default_factory=dict)

    @property
    def network(self):
        """Its network's name: of a searched architecture, that of its file."""
        file = self.flags.get("architecture")
        if file:
            return pathlib.PurePath(file).stem
        return self.flags.get("network", "routing")

    @property
    def step(self):
        """The last step that was logged."""
        return max((line["step"] for line in self.log), default=0)

    @property
    def mean_iou(self):
        """The last mean IoU that is known, of the summary or the log; or None."""
        if self.summary is not None:
            return self.summary["mean_iou"]
        scores = [line["mean_iou"] for line in self.log if "mean_iou" in line]
        return scores[-1] if scores else None
