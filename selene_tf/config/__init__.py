"""The settings of a run, and what they refuse."""

from selene_tf.config.config import Config

__all__ = ["Config"]
