"""maskcon COMMAND, one file each."""
