"""Shows classic networks as paths: python -m selene_tf.classic_paths --output=... .

FCN-32s, DeepLabV3, U-Net, HRNet and Auto-DeepLab, modelled in the search space as Li et
al. 2020 do. Prints what each costs beside the supernet; with --output writes each as
JSON and as a drawing. `train.py --path=unet` trains one.
"""

import pathlib

from absl import flags

from selene_tf.cli import command, output_file
from selene_tf.errors import UserError


def define_flags():
    """Makes the command's flags; returns their names."""
    flags.DEFINE_integer("num_classes", 19, "Number of classes.", lower_bound=2)
    flags.DEFINE_integer("channels", 64, "Channels at stride 4; even.", lower_bound=2)
    flags.DEFINE_integer(
        "num_layers", 16, "Layers of cells.", lower_bound=3, upper_bound=200
    )
    flags.DEFINE_bool("gated", False, "Whether the cells have gates, which cost MACs.")
    flags.DEFINE_string("image_size", "1024,2048", "Height,width, for the MACs.")
    flags.DEFINE_string(
        "output",
        "",
        "Folder for JSON and PNG files; they replace those that are there.",
    )
    names = ("num_classes", "channels", "num_layers", "gated", "image_size", "output")
    return list(names)


def main():
    values = flags.FLAGS
    size = command.parse_size("image_size", values.image_size)
    if values.channels % 2:
        raise UserError(
            f"--channels: found {values.channels}, expected an even number."
        )
    from selene_tf.architectures import RoutingArchitecture, classic_paths
    from selene_tf.reports import path_files
    from selene_tf.search import classic_path

    architecture = RoutingArchitecture(
        values.num_classes,
        values.channels,
        values.num_layers,
        gated=values.gated,
    )
    names = [
        name
        for name in classic_paths.NAMES
        if values.num_layers >= classic_paths.min_layers(name)
    ]
    paths = {name: classic_path.make(name, architecture, size) for name in names}
    command.say(path_files.table(paths))
    for name in sorted(set(classic_paths.NAMES) - set(names)):
        command.say(f"{name} needs {classic_paths.min_layers(name)} layers or more")
    if values.output:
        with output_file.user_errors("output", values.output):
            path_files.write(paths, pathlib.Path(values.output))
        command.say(f"wrote {values.output}")


if __name__ == "__main__":
    command.run(main, define_flags())
