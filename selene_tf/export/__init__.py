"""From a run to a file, compared before it gets its name."""
