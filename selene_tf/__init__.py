"""Semi-supervised search and training of small segmentation networks."""

__version__ = "0.1.0"
