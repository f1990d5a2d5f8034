"""One file per data set: download(root, raw) and splits(raw, data, scratch)."""
