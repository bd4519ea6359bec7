"""Keras models: the supernet, pruned and folded networks."""

from selene_tf.networks.from_architecture import build

__all__ = ["build"]
