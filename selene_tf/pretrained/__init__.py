"""Weights of other code, read without running it."""

from selene_tf.pretrained.dynamic_routing import OFFICIAL_COLOURS, load_dynamic_routing

__all__ = ["OFFICIAL_COLOURS", "load_dynamic_routing"]
