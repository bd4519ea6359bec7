"""What a `Config` says of its network, and which flags contradict each other there."""

import dataclasses

from selene_tf.config.text import to_text
from selene_tf.errors import UserError

# What has a meaning for some kinds of network only; sizes are left alone, so that a
# flagfile serves for every kind.
_COMPACT = "architecture"
_ONLY_FOR = {
    **dict.fromkeys(("auxiliary", "encoder_first_block"), (_COMPACT,)),
    **dict.fromkeys(
        ("encoder_weights", "encoder_learning_rate_multiplier"),
        ("deeplab_v3_plus", _COMPACT),
    ),
    **dict.fromkeys(("backbone", "output_stride"), ("deeplab_v3_plus",)),
    **dict.fromkeys(("small_gate", "budget_weight"), ("routing",)),
    "gate_learning_rate_multiplier": ("routing",),
    **dict.fromkeys(
        ("gated", "pooling", "drop_path", "path", "init_checkpoint"),
        ("routing", "routing_fixed"),
    ),
}
# Fields that mean nothing unless another one is set so.
_NEEDS = {
    "small_gate": ("gated", True),
    "budget_weight": ("gated", True),
    "init_encoder_only": ("init_checkpoint", "a file"),
}


def check(config):
    """Rejects flags that do not fit the kind of network, or each other.

    Args:
        config: The `Config`.

    Raises:
        UserError: names the flag and the value that it contradicts.
    """
    _check_kind(config)
    for name, (needed, expected) in _NEEDS.items():
        if getattr(config, name) and not getattr(config, needed):
            raise UserError(
                f"--{name}: found {to_text(getattr(config, name))} without --{needed}; "
                f"expected --{needed}={to_text(expected)} with it."
            )

    pools = config.pooling != "none" or config.network == "deeplab_v3_plus"
    pools = pools or bool(config.architecture)
    if pools and config.batch_size // config.accumulate_steps == 1:
        name = "architecture" if config.architecture else "network"
        name = name if config.pooling == "none" else "pooling"
        raise UserError(
            f"--{name}: found {getattr(config, name)} with --batch_size="
            f"{config.batch_size} and --accumulate_steps={config.accumulate_steps}; "
            "expected 2 or more images at a time, since a whole image's mean is "
            "normalised over them."
        )
    if config.algorithm == "cross_pseudo" and _starts_equal(config):
        raise UserError(
            "--init_checkpoint: found with --algorithm=cross_pseudo, whose networks "
            "would then be one and the same; expected --init_encoder_only or "
            "--init_other_classes with it."
        )
    _check_start(config)
    if config.budget_start + config.budget_warm_up > 1:
        raise UserError(
            f"--budget_warm_up: found {config.budget_warm_up}, which with "
            f"--budget_start={config.budget_start} ends after the training; expected "
            "both together to be 1 or less."
        )


def _check_kind(config):
    if config.architecture and config.network != "routing":
        raise UserError(
            f"--network: found {config.network} with --architecture="
            f"{config.architecture}, which says what the network is; expected one of "
            "the two."
        )
    kind, flag = config.network, f"--network={config.network}"
    if config.architecture:
        kind, flag = _COMPACT, f"--architecture={config.architecture}"
    for field in dataclasses.fields(config):
        kinds, value = _ONLY_FOR.get(field.name), getattr(config, field.name)
        if kinds and kind not in kinds and value != field.default:
            expected = " or ".join(
                "an --architecture" if own == _COMPACT else f"--network={own}"
                for own in kinds
            )
            raise UserError(
                f"--{field.name}: found '{to_text(value)}' with {flag}, which has no "
                f"use for it; expected nothing, or {expected}."
            )


def _check_start(config):
    """What the weights come from, and what they are for."""
    if config.init_other_classes and not (config.init_checkpoint or config.init_run):
        raise UserError(
            "--init_other_classes: found true without --init_checkpoint or --init_run; "
            "expected one of them with it."
        )
    for name in ("init_run", "path"):
        if getattr(config, name) and config.init_checkpoint:
            raise UserError(
                f"--{name}: found with --init_checkpoint, which fills a whole network "
                "from a file; expected one of the two."
            )
    if config.init_run and config.encoder_weights:
        raise UserError(
            "--encoder_weights: found with --init_run, whose network has an encoder; "
            "expected one of the two."
        )
    if config.init_run and config.init_run == config.run_dir:
        raise UserError(
            f"--init_run: found '{config.init_run}', which is --run_dir; expected the "
            "folder of an earlier run."
        )


def _starts_equal(config):
    is_whole = not (config.init_encoder_only or config.init_other_classes)
    return bool(config.init_checkpoint) and is_whole
