"""Methods side by side, from the record."""
