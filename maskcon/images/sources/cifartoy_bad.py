"""CIFARtoy with the bad split into coarse classes: see cifartoy and coarse_labels/cifartoy_bad.csv."""

from maskcon.images.reading.cifartoy import download, parts

__all__ = ["download", "parts"]
