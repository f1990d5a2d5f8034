"""One file a data set: download(root, raw) and splits(raw, data, scratch)."""
