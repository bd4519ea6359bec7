"""Which network of a run is looked at, in which form, and on which images."""

import dataclasses
import pathlib


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Selects a run's network and images; each field is a flag of the same name.

    Attributes:
        run_dir: str, the run's folder, as train.py wrote it.
        network: "deployed", or one of the run's networks by name.
        path: "none" for all of the network, "discovered" for the run's path.json, or
            the name of such a file.
        gates: "keep", or "fold" for gates that are constants in the convolutions; see
            `folding.fold`.
        statistics_batches: int; if not 0, normalisation's statistics are taken anew
            from so many training batches after pruning.
        split: "val", or "train" for the labelled training images.
        data_dir: str, where the images lie, if not where the run found them.
        protocol: str, how images are shown to the network, see `parse_protocol`; empty
            for the run's own.

    Example:
        >>> options = RunOptions(run_dir="runs/demo", path="discovered")
        >>> options.path_file
        'runs/demo/path.json'
    """

    run_dir: str
    network: str = "deployed"
    path: str = "none"
    gates: str = "keep"
    statistics_batches: int = 0
    split: str = "val"
    data_dir: str = ""
    protocol: str = ""

    @classmethod
    def from_flags(cls, values, **fields):
        """Reads the fields that are flags of a command.

        Args:
            values: What has the flags' values as attributes; flags that a command
                does not have are left at their defaults.
            **fields: Values that go before the flags'.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        flags = {name: getattr(values, name) for name in names if name in values}
        return cls(**flags | fields)

    @property
    def path_file(self):
        """The file that `path` means; "" for the whole network."""
        if self.path in ("", "none"):
            return ""
        if self.path == "discovered":
            return str(pathlib.Path(self.run_dir) / "path.json")
        return self.path
