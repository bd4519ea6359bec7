"""Metrics, evaluation of a network on a data set, the summary of a run."""
