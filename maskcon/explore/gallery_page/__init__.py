"""The gallery's one HTML file."""
