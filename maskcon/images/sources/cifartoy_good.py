"""CIFARtoy with the good split into coarse classes: see cifartoy and coarse_labels/cifartoy_good.csv."""

from maskcon.images.reading.cifartoy import download, splits
from maskcon.parameters.data import PublishedSet as Values

__all__ = ["Values", "download", "splits"]
