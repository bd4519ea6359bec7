"""Stateless augmentation: geometry, colours, CutMix, pretext tasks."""
