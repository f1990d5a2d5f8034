"""The networks: backbone, projector and their weights."""
