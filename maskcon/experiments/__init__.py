"""Grids of runs, and tables made from the record."""
