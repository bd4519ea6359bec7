"""The one training step; an algorithm a file."""
