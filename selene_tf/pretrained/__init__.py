"""Pretrained weights of other code, read without running any of it."""

from selene_tf.pretrained.dynamic_routing import OFFICIAL_COLOURS, load_dynamic_routing

__all__ = ["OFFICIAL_COLOURS", "load_dynamic_routing"]
