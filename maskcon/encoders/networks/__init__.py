"""Encoders, and the files that keep them."""

from maskcon.encoders.networks.encoder import Encoder, ProjectedEncoder, build_encoder
from maskcon.encoders.networks.files import load_encoder, load_encoder_with_data, save_encoder

__all__ = ["Encoder", "ProjectedEncoder", "build_encoder", "load_encoder", "load_encoder_with_data", "save_encoder"]
