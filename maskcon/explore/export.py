"""The encoder for use without this program: photos of any size in, unit-length features out, as ONNX and torch.export.

    files = export_encoder(gallery, Path("exports/encoder"), ["onnx", "torch"])

    encoder.onnx     for onnxruntime and others; names of the classes in its metadata
    encoder.pt2      for torch.export.load(...).module()
    labels.json      sizes, and the names of the classes by number

Every file is read back and compared with the encoder itself on real images before it counts.
"""

import json
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from maskcon.explore.gallery import Gallery
from maskcon.explore.photo_encoder import PhotoEncoder
from maskcon.explore.trained_encoder import TrainedEncoder
from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import write_atomically, write_json

FORMATS = ("onnx", "torch")
ONNX_PACKAGES = "requirements-export.txt"
CHECKED_IMAGES = 32
TOLERANCE = 1e-3  # of a feature, in a row of length 1
MOST_PHOTOS, MOST_PIXELS = 4096, 16384  # in a batch, on a side: bounds that torch.export asks for


@dataclass(frozen=True)
class Exported:
    path: Path
    difference: float  # from the encoder itself, of the feature that differs most


def export_encoder(gallery: Gallery, folder: Path, formats: list[str]) -> list[Exported]:
    """Write the files of ``formats`` into ``folder``, with labels.json.

    Raises:
        UserError: packages are missing, or the workspace has no images to check with.
    """
    if "onnx" in formats:
        require_onnx()
    if gallery.images is None:
        name = gallery.encoder.data.name
        raise UserError(
            f"data/sets/{name}/test does not hold the images of this gallery, which the export is checked with; "
            "make it with: dvc repro coarse"
        )
    images = np.array(gallery.images[:CHECKED_IMAGES])
    expected = gallery.encoder.embed_images(images)
    described = describe(gallery)
    program = exported_program(gallery.encoder)

    files = []
    for name in formats:
        path = folder / {"onnx": "encoder.onnx", "torch": "encoder.pt2"}[name]
        write, run = {"onnx": (_write_onnx, _run_onnx), "torch": (_write_torch, _run_torch)}[name]
        write(program, described, path)
        difference = float(np.abs(run(path, images) - expected).max())
        if not difference < TOLERANCE:  # also where it is not a number
            path.unlink()
            raise RuntimeError(f"{path} gave features {difference} off those of the encoder")
        files.append(Exported(path, difference))
    write_json(folder / "labels.json", described)
    return files


def describe(gallery: Gallery) -> dict[str, Any]:
    """What a program needs to know beside the numbers."""
    data, labels, size = gallery.encoder.data, gallery.labels, gallery.encoder.network.feature_size
    fine = None if labels.fine is None else _names(labels.fine, labels.fine_name)
    return {
        "data": data.name,
        "input": "photos: uint8 [batch, height, width, 3], upright, red green blue, any size",
        "output": f"features: float32 [batch, {size}], length 1; compare by inner product",
        "height": data.height,
        "width": data.width,
        "stored_size": list(data.stored_size),
        "coarse_names": _names(labels.coarse, labels.coarse_name),
        "fine_names": fine,
    }


def exported_program(trained: TrainedEncoder) -> torch.export.ExportedProgram:
    """The graph of PhotoEncoder, for any number of photos of any size."""
    network = PhotoEncoder(TrainedEncoder(trained.network.cpu(), trained.data, torch.device("cpu"))).eval()
    example = torch.zeros(2, 40, 50, 3, dtype=torch.uint8)  # three unlike sizes, none of them 1: all stay free
    batch, height, width = (
        torch.export.Dim(name, min=1, max=most)
        for name, most in (("batch", MOST_PHOTOS), ("height", MOST_PIXELS), ("width", MOST_PIXELS))
    )
    with quiet(), torch.no_grad():
        return torch.export.export(network, (example,), dynamic_shapes=({0: batch, 1: height, 2: width},))


def require_onnx() -> None:
    """Raises: UserError, where the packages for ONNX are not installed."""
    from importlib.util import find_spec

    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise UserError(
            f"the export to ONNX needs {', '.join(missing)}; install with pip install -r {ONNX_PACKAGES}, "
            "or leave it out: --formats torch"
        )


def _write_torch(program: torch.export.ExportedProgram, described: dict[str, Any], path: Path) -> None:
    with quiet():
        write_atomically(
            path, lambda file: torch.export.save(program, file, extra_files={"labels.json": json.dumps(described)})
        )


def _run_torch(path: Path, images: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return torch.export.load(path).module()(torch.from_numpy(images)).numpy()


def _write_onnx(program: torch.export.ExportedProgram, described: dict[str, Any], path: Path) -> None:
    with quiet(), tempfile.TemporaryDirectory() as folder:
        onnx_program = torch.onnx.export(
            program, (), dynamo=True, input_names=["photos"], output_names=["features"], verbose=False
        )
        onnx_program.model.metadata_props["labels"] = json.dumps(described)
        onnx_program.save(Path(folder) / path.name)
        content = (Path(folder) / path.name).read_bytes()
    write_atomically(path, lambda file: file.write(content))


def _run_onnx(path: Path, images: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["features"], {"photos": images})[0]


def _names(labels: np.ndarray, names: np.ndarray) -> dict[str, str]:
    """Number -> name, numbers rising; as text, for JSON knows no other keys."""
    numbers, first = np.unique(labels, return_index=True)
    return {str(number): str(names[place]) for number, place in zip(numbers, first, strict=True)}


@contextmanager
def quiet() -> Iterator[None]:
    """Without what torch's exporters tell their own authors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
