"""Figures: one file each, and what they share: colours, lettering, drawing, layout."""
