"""Weights of other code, read without running it."""

from selene_tf.pretrained.dynamic_routing import (
    OFFICIAL_DEVIATION,
    OFFICIAL_MEAN,
    OFFICIAL_ORDER,
    load_dynamic_routing,
)

__all__ = [
    "OFFICIAL_DEVIATION",
    "OFFICIAL_MEAN",
    "OFFICIAL_ORDER",
    "load_dynamic_routing",
]
