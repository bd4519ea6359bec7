"""The configuration of a run and its validation."""

from selene_tf.config.config import Config

__all__ = ["Config"]
