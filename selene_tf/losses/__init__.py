"""Losses as pure functions: logits in, a loss out."""

from selene_tf.losses.budget import Budget, budget_loss
from selene_tf.losses.class_weights import label_weights, median_frequency
from selene_tf.losses.ohem import ohem_cross_entropy
from selene_tf.losses.segmentation import (
    IGNORE_LABEL,
    confident_shares,
    consistency,
    cross_entropy,
    equivalent_weight,
    pixel_weight,
    pretext_cross_entropy,
    pseudo_label_cross_entropy,
    task_weights,
)

__all__ = [
    "IGNORE_LABEL",
    "Budget",
    "budget_loss",
    "confident_shares",
    "consistency",
    "cross_entropy",
    "equivalent_weight",
    "label_weights",
    "median_frequency",
    "ohem_cross_entropy",
    "pixel_weight",
    "pretext_cross_entropy",
    "pseudo_label_cross_entropy",
    "task_weights",
]
