"""The loop around fit: log, checkpoints, run folder, optimizer, schedules."""
