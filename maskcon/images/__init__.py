"""Image sets: where they come from, their coarse labels, and the one packed format."""
