"""One file a method: its formula and its values."""
