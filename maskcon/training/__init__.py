"""Training: schedule, step, checkpoints, loop, progress."""
