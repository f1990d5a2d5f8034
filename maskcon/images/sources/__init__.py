"""One file a data set: download(root, raw) and parts(raw, data, scratch)."""
