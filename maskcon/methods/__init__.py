"""Methods: one file each, with the formula of its target."""
