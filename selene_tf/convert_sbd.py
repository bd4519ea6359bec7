"""Makes the augmented set of Pascal VOC: python -m selene_tf.convert_sbd ... ."""

from absl import flags

from selene_tf.cli import command, progress
from selene_tf.data.datasets import sbd


def define_flags():
    """Makes the command's flags; returns their names."""
    folders = {
        "sbd_dir": "Folder of SBD as it was unpacked, with dataset/cls in it.",
        "voc_dir": "Folder of Pascal VOC 2012, with JPEGImages in it.",
        "output": "Folder to write, new or empty; by default SegmentationClassAug in "
        "that of Pascal VOC.",
    }
    for name, text in folders.items():
        flags.DEFINE_string(name, "", text)
    return list(folders)


def main():
    values = flags.FLAGS
    # The bar goes before a mistake's line is printed.
    with progress.bar(unit="mask") as show:
        converted = sbd.convert(values.sbd_dir, values.voc_dir, values.output, show)
    command.say(_summary(converted))


def _summary(converted):
    numbers = (converted.num_original, converted.num_converted)
    text = (
        f"{numbers[0]} masks of VOC and {numbers[1]} of SBD are in {converted.folder}"
    )
    if numbers == (sbd.NUM_ORIGINAL, sbd.NUM_CONVERTED):
        return text
    return f"{text}; complete, they are {sbd.NUM_ORIGINAL} and {sbd.NUM_CONVERTED}"


if __name__ == "__main__":
    command.run(main, define_flags())
