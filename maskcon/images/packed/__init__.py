"""The packed set: images.npy and labels.csv, coarse labels, streaming."""
