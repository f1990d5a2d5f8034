"""The networks: backbones (one plug-in file each), their weights and normalisation, projector and adapter."""
