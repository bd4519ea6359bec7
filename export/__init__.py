"""Commands that write a run's network in another form; run from a checkout."""
