"""Data sets: where their images come from, their coarse labels, and the one packed format."""
