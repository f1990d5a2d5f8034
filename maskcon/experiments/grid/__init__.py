"""Grids of experiments: methods x values x seeds."""
