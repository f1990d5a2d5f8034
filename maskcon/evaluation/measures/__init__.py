"""One file a measure beside Recall@K: PARTS, whose features it needs beside those that are measured, and
measure(parts, values, split, seed), which returns a Measured. Its values are evaluate.NAME."""
