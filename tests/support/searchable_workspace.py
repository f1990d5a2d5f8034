"""A folder as the stages up to embed leave it, made in a second: an encoder with drawn weights, and its features.

workspace = write_workspace(folder, tiny_parameters(), two_digit_labels(60), number_images(...))
"""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from maskcon.embedding.features import embed
from maskcon.encoders.networks import build_encoder, load_encoder, save_encoder
from maskcon.images.packed.image_set import write_set
from maskcon.images.packed.image_stream import to_device
from maskcon.parameters.model import Parameters


def write_workspace(folder: Path, parameters: Parameters, labels: pd.DataFrame, images: np.ndarray) -> Path:
    """models/encoder.pt, data/sets/NAME/test and embeddings/{test,val} in ``folder``, which is returned; the validation
    part has the images of the test part, turned upside down."""
    data = parameters.data
    torch.manual_seed(parameters.seed)
    encoder = build_encoder(parameters.model, data)
    for layer in encoder.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None  # statistics of all that it sees, as after training
    with torch.no_grad():
        encoder.train()(to_device(images, data.channels, torch.device("cpu")) / 255)
    save_encoder(folder / "models/encoder.pt", encoder, parameters.model, data)
    packed = folder / "data/sets" / data.name / "test"
    write_set(packed, labels, [images], *images.shape[1:3])
    loaded = load_encoder(folder / "models/encoder.pt")
    for part, of_part in (("test", images), ("val", images[:, ::-1])):
        embedded = folder / "embeddings" / part
        embedded.mkdir(parents=True)
        features = embed(loaded, of_part, data.channels, torch.device("cpu"), (data.height, data.width))
        np.save(embedded / "encoder.npy", features)
        shutil.copy(packed / "labels.csv", embedded)
    return folder
