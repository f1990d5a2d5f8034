"""Recorded runs side by side, as one HTML file."""
