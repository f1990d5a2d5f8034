"""Views: per-sample augmentation of whole batches, on the device that the images are on."""
