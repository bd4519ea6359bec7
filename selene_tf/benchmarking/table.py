"""Formats the results of `selene_tf.benchmark` as a table for the terminal."""

START_ROWS = {
    "import": "imports",
    "build": "network built",
    "optimizer": "optimiser built",
    "trace": "training step traced",
    "first_step": "first training step",
    "process_start_to_first_step": "process start to first step",
    "inference_trace": "inference traced",
    "first_inference": "first inference",
}
STEP_ROWS = {
    "training": "training step",
    "inference": "inference",
    "cell": "cell",
    "cell_torch": "cell in PyTorch",
}
LEARNING_ROWS = {
    "supervised": "supervised",
    "supervised_jigsaw": "supervised + jigsaw",
    "mean_teacher": "mean teacher",
    "mean_teacher_jigsaw": "mean teacher + jigsaw",
    "mean_teacher_strong": "mean teacher, strong view",
    "cross_pseudo": "co-teaching",
    "cross_pseudo_jigsaw": "co-teaching + jigsaw",
}
INPUT_ROWS = {
    "files": "from files, cropped",
    "memory": "from memory, cropped",
    "decoding": "from files, whole",
}
EXPORT_FORMS = {
    "keras": "Keras",
    "saved_model": "SavedModel",
    "tflite": "TFLite",
    "tflite_int8": "TFLite int8",
}
_KINDS = f"{'median':>10}{'min':>10}{'max':>10}"


def table(results):
    """Formats the results as text for the terminal.

    Args:
        results: A dict as from `measure.measure`.
    """
    if "conditional" in results:
        return _conditional(results)
    if "learning" in results:
        return _learning(results)
    if "export" in results:
        return _export(results)
    if "input" in results:
        return _input(results)
    start, steps = results["start_seconds"], results["ms_per_image"]
    return "\n".join(
        [
            *(_listed(results[name]) for name in ("settings", "machine")),
            "",
            f"{'':28}{'seconds':>10}",
            *(f"{START_ROWS[name]:28}{_number(start[name])}" for name in start),
            "",
            f"{'':28}{'wall ms an image':>30}{'CPU ms an image':>30}",
            f"{'':28}{_KINDS}{_KINDS}",
            *(f"{STEP_ROWS[name]:28}{_readings(steps[name])}" for name in steps),
            "",
            f"{'MACs an image':28}{results['macs_per_image']:>18,}",
            f"{'parameters':28}{results['parameters']:>18,}",
            f"{'peak memory, MiB':28}{results['peak_memory_mib']:>18,.1f}",
        ]
    )


def _listed(metadata):
    return ", ".join(f"{name} {_known(value)}" for name, value in metadata.items())


def _known(value):
    return "unknown" if value is None else value


def _number(value):
    return f"{'unknown' if value is None else format(value, '.3f'):>10}"


def _readings(reading):
    clocks = (reading["wall"], reading["cpu"])
    kinds = (value for clock in clocks for value in clock.values())
    return "".join(map(_number, kinds))


def _conditional(results):
    rows = [
        f"{row['open_share']:>14.0%}{row['macs']:>18,}"
        f"{row['macs'] / results['macs_per_image']:>10.3f}{row['wall']:>12.1f}"
        f"{row['cpu']:>12.1f}"
        f"{row['wall'] / results['conditional'][0]['wall']:>10.3f}"
        for row in results["conditional"]
    ]
    head = f"{'routes open':>14}{'MACs':>18}{'of all':>10}"
    head += f"{'wall ms':>12}{'CPU ms':>12}{'of all':>10}"
    metadata = (_listed(results[name]) for name in ("settings", "machine"))
    return "\n".join([*metadata, "", head, *rows])


def _learning(results):
    rows = [
        f"{LEARNING_ROWS[name]:28}{_readings(row)}"
        f"{row['wall_ratio']:>8.2f}{row['cpu_ratio']:>8.2f}{row['floor']:>8.2f}"
        for name, row in results["learning"].items()
    ]
    clocks = f"{'wall ms a step':>30}{'CPU ms a step':>30}"
    metadata = (_listed(results[name]) for name in ("settings", "machine"))
    return "\n".join(
        [
            *metadata,
            "",
            f"{'':28}{clocks}{'of supervised':>24}",
            f"{'':28}{_KINDS}{_KINDS}{'wall':>8}{'CPU':>8}{'floor':>8}",
            *rows,
        ]
    )


def _export(results):
    """Milliseconds, and beneath them what share they are of the first row's."""
    first, lines = results["export"][0], []
    for row in results["export"]:
        times = "".join(f"{row[form]:>16.1f}" for form in EXPORT_FORMS)
        shares = "".join(f"{row[form] / first[form]:>16.2f}" for form in EXPORT_FORMS)
        megabytes = "".join(f"{size / 1e6:>10.2f}" for size in row["bytes"].values())
        lines += [
            f"{row['name']:24}{row['macs'] / 1e9:>8.3f}{times}{megabytes}",
            f"{'':24}{row['macs'] / first['macs']:>8.2f}{shares}",
        ]
    head = f"{'':24}{'GMACs':>8}"
    head += "".join(f"{name + ' ms':>16}" for name in EXPORT_FORMS.values())
    head += f"{'MB':>10}{'int8 MB':>10}"
    metadata = (_listed(results[name]) for name in ("settings", "machine"))
    return "\n".join([*metadata, "", head, *lines])


def _input(results):
    rows = [
        f"{text:28}{results['input'][name]['images_per_second']:>18.1f}"
        f"{results['input'][name]['cpu']:>18.1f}"
        for name, text in INPUT_ROWS.items()
    ]
    crop = ",".join(map(str, results["crop_size"]))
    return "\n".join(
        [
            *(_listed(results[name]) for name in ("settings", "machine")),
            f"crops of {crop}; files of {results['input']['bytes'] / 1e6:.2f} MB",
            "",
            f"{'':28}{'images a second':>18}{'CPU ms an image':>18}",
            *rows,
            "",
            f"{'peak memory, MiB':28}{results['peak_memory_mib']:>18,.1f}",
        ]
    )
