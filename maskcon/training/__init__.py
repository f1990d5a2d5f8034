"""Batches, step, loop, schedule, checkpoints, several processes."""
