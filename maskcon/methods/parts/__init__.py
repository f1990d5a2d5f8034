"""What methods are made of: targets, contrast, queue, clusters."""
