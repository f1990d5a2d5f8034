"""Accepts or refuses values, and says so in sentences; computes nothing."""
