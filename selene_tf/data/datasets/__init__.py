"""Data sets on disk: lists, folders, classes, what mask values mean, checks."""
