"""One file per method: its formula and its values."""
