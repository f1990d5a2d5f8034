"""The encoder for use without this program: photos of any size in, unit-length features out, as ONNX and torch.export.

    export_encoder(gallery, Path("exports/encoder"), ["onnx", "torch"])

    encoder.onnx     for onnxruntime and others; names of the classes in its metadata
    encoder.pt2      for torch.export.load(...).module()
    labels.json      sizes, and the names of the classes by number

Every file is read back and compared with the encoder itself on real images before it counts.
"""

import json
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.export import ExportedProgram

from maskcon.explore.gallery import Gallery
from maskcon.explore.photo_encoder import PhotoEncoder
from maskcon.explore.trained_encoder import TrainedEncoder
from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import write_atomically, write_json

LABELS = "labels.json"
CHECKED_IMAGES = 32
TOLERANCE = 1e-3  # of a feature, in a row of length 1
MOST_PHOTOS, MOST_PIXELS = 4096, 16384  # in a batch, on a side: bounds that torch.export asks for


def export_encoder(gallery: Gallery, folder: Path, formats: Sequence[str]) -> dict[Path, float]:
    """Write the files of ``formats`` ("onnx", "torch") into ``folder``, with labels.json.

    Returns:
        for each network's file, how far its features are from the encoder's own, at most.

    Raises:
        UserError: the workspace has no images to check with.
    """
    if gallery.images is None:
        name = gallery.encoder.data.name
        raise UserError(
            f"data/sets/{name}/test does not hold the images of this gallery, which the export is checked with; "
            "make it with: dvc repro coarse"
        )
    images = np.array(gallery.images[:CHECKED_IMAGES])
    expected = gallery.encoder.embed_images(images)
    described = describe(gallery)
    differences = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch's exporters tell their own authors
        program = exported_program(gallery.encoder)
        for name in formats:
            file, write, run = WAYS[name]
            path = folder / file
            write(program, json.dumps(described), path)
            differences[path] = float(np.abs(run(path, images) - expected).max())
            if not differences[path] < TOLERANCE:  # also where it is not a number
                path.unlink()
                raise RuntimeError(f"{path} gave features {differences[path]} off those of the encoder")
    write_json(folder / LABELS, described)
    return differences


def describe(gallery: Gallery) -> dict[str, Any]:
    """What a program needs to know beside the numbers."""
    data, labels, size = gallery.encoder.data, gallery.labels, gallery.encoder.network.feature_size
    return {
        "data": data.name,
        "input": "photos: uint8 [batch, height, width, 3], upright, red green blue, any size",
        "output": f"features: float32 [batch, {size}], length 1; compare by inner product",
        "height": data.height,
        "width": data.width,
        "stored_size": list(data.stored_size),
        "coarse_names": _names(labels.coarse, labels.coarse_name),
        "fine_names": None if labels.fine is None else _names(labels.fine, labels.fine_name),
    }


def _names(labels: np.ndarray, names: np.ndarray) -> dict[str, str]:
    """Number -> name, numbers rising; numbers as text, as JSON knows no other keys."""
    numbers, first = np.unique(labels, return_index=True)
    return {str(number): str(name) for number, name in zip(numbers, names[first], strict=True)}


def exported_program(trained: TrainedEncoder) -> ExportedProgram:
    """The graph of PhotoEncoder, for any number of photos of any size."""
    network = PhotoEncoder(replace(trained, network=trained.network.cpu(), device=torch.device("cpu"))).eval()
    example = torch.zeros(2, 40, 50, 3, dtype=torch.uint8)  # three unlike sizes, none of them 1: all stay free
    batch = torch.export.Dim("batch", min=1, max=MOST_PHOTOS)
    height, width = (torch.export.Dim(name, min=1, max=MOST_PIXELS) for name in ("height", "width"))
    with torch.no_grad():
        return torch.export.export(network, (example,), dynamic_shapes=({0: batch, 1: height, 2: width},))


def _write_torch(program: ExportedProgram, labels: str, path: Path) -> None:
    write_atomically(path, lambda file: torch.export.save(program, file, extra_files={LABELS: labels}))


def _run_torch(path: Path, images: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return torch.export.load(path).module()(torch.from_numpy(images)).numpy()


def _write_onnx(program: ExportedProgram, labels: str, path: Path) -> None:
    onnx_program = torch.onnx.export(
        program, (), dynamo=True, input_names=["photos"], output_names=["features"], verbose=False
    )
    onnx_program.model.metadata_props["labels"] = labels
    with tempfile.TemporaryDirectory() as folder:
        onnx_program.save(Path(folder) / path.name)
        content = (Path(folder) / path.name).read_bytes()
    write_atomically(path, lambda file: file.write(content))


def _run_onnx(path: Path, images: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["features"], {"photos": images})[0]


WAYS = {
    "onnx": ("encoder.onnx", _write_onnx, _run_onnx),
    "torch": ("encoder.pt2", _write_torch, _run_torch),
}
