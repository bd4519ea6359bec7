"""Rules that say which routes a discovered path keeps."""

import dataclasses

from selene_tf.errors import UserError
from selene_tf.search import discover, path_for_cost

DEFAULT_THRESHOLD = 0.5


@dataclasses.dataclass(frozen=True)
class PathRule:
    """A rule that says which routes a path keeps.

    Attributes:
        kind: "threshold": the routes that at least this share of the images opens;
            "keep": the strongest ones, up to this share of the supernet's MACs;
            "macs": the strongest ones, up to so many MACs for one image.
        value: The share or the number of MACs.

    Raises:
        UserError: The value is out of range.

    Example:
        >>> PathRule("keep", 0.8).text()
        'keep_0.8'
    """

    kind: str = "threshold"
    value: float = DEFAULT_THRESHOLD

    def __post_init__(self):
        if self.kind == "macs":
            path_for_cost.check_path_macs(self.value)
            object.__setattr__(self, "value", int(self.value))
        elif self.kind == "keep":
            path_for_cost.check_keep(self.value)
        elif self.kind != "threshold":
            raise ValueError(f"kind: found {self.kind!r}, expected threshold/keep/macs")
        elif not 0 <= self.value <= 1:
            raise UserError(
                f"--path_threshold: found {self.value:.12g}, expected a share of the "
                "images, 0 to 1."
            )

    def text(self, joint="_"):
        """The rule as a part of a file's name."""
        value = self.value
        digits = str(value) if isinstance(value, int) else f"{value:.12g}"
        return f"{self.kind}{joint}{digits}"

    def find(self, gates, architecture, image_size, counts_gates=True):
        """Finds the path that this rule keeps.

        Args:
            gates: (images, num_layers + 1, 4, 3), the network's output.
            architecture: The network's `RoutingArchitecture`.
            image_size: Height and width in pixels, for the costs.
            counts_gates: Whether gates are among the path's costs.

        Returns:
            A `RoutingPath`.

        Raises:
            UserError: Even the strongest way through the network costs more.
        """
        if self.kind == "threshold":
            return discover.discover(
                gates, architecture, image_size, self.value, counts_gates
            )
        target = self.value
        if self.kind == "keep":
            target = path_for_cost.target_macs(
                architecture, image_size, keep=self.value
            )
        return path_for_cost.within(
            gates,
            architecture,
            image_size,
            target,
            self.text("<="),
            counts_gates,
        )


def choose(path_threshold=None, path_macs=None, keep=None):
    """The `PathRule` of the one value that is not None; by default the threshold 0.5.

    Args:
        path_threshold: Share of the images that has to open a route, 0 to 1.
        path_macs: MACs that the path may have, for one image.
        keep: The same as a share of the supernet's MACs, above 0 and up to 1.

    Raises:
        UserError: There are several, or the value is out of range.
    """
    values = {"path_threshold": path_threshold, "path_macs": path_macs, "keep": keep}
    chosen = {name: value for name, value in values.items() if value is not None}
    if len(chosen) > 1:
        raise UserError(
            f"{', '.join(f'--{name}' for name in chosen)}: found {len(chosen)} rules, "
            "expected one of them."
        )
    for name, value in chosen.items():
        return PathRule(name.removeprefix("path_"), value)
    return PathRule()
