"""The index of a gallery in a file, so that it is built and measured once.

    kept = kept_index("hnsw", gallery.features, Path("exports/indexes"))
    kept.index.nearest(queries, count=10)
    kept.recall                                     # {1: 0.998, 10: 0.997}

KIND-DIGEST.faiss beside KIND-DIGEST.json, which is written last and holds the recall; the digest is that of the
features and of all else that an index depends on. Other features have other files; a person removes them.
"""

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from maskcon.explore import approximate_neighbours
from maskcon.explore.approximate_neighbours import RECALL_SAMPLE, ApproximateIndex, built_index, measured_recall
from maskcon.parameters.errors import UserError
from maskcon.runtime.atomic_files import require_writable, write_atomically, write_json

RECALL_AT = (1, 10)


@dataclass(frozen=True)
class KeptIndex:
    path: Path
    index: ApproximateIndex
    recall: dict[int, float]  # K -> share of the K nearest that it finds, of images of the gallery
    sample: int  # of so many images
    seconds: float  # that it took to build


def kept_index(kind: str, gallery: np.ndarray, folder: Path) -> KeptIndex:
    """The index in ``folder`` that was built of these very features, float32 [N, F]; it is built where there is none.

    Raises:
        UserError: it cannot be built of so few images, read or written.
    """
    path = folder / f"{kind}-{_digest(kind, gallery)[:16]}.faiss"
    about = path.with_suffix(".json")
    if not (path.exists() and about.exists()):
        require_writable(folder)
        _build(kind, gallery, path, about)
    described = json.loads(about.read_text())
    recall = {int(k): share for k, share in described["recall"].items()}
    return KeptIndex(path, _read(kind, gallery, path), recall, described["sample"], described["seconds"])


def _build(kind: str, gallery: np.ndarray, path: Path, about: Path) -> None:
    import faiss

    start = time.perf_counter()
    built = built_index(kind, gallery)
    seconds = round(time.perf_counter() - start, 1)
    write_atomically(path, lambda file: faiss.write_index(built.index, faiss.PyCallbackIOWriter(file.write)))
    recall = measured_recall(built, RECALL_AT)
    sample = min(RECALL_SAMPLE, len(gallery))
    write_json(about, {"kind": kind, "images": len(gallery), "recall": recall, "sample": sample, "seconds": seconds})


def _read(kind: str, gallery: np.ndarray, path: Path) -> ApproximateIndex:
    import faiss

    try:
        return ApproximateIndex(kind, faiss.read_index(str(path)), gallery)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1]
        raise UserError(f"{path} cannot be read ({reason}); remove it, and it is built again") from None


def _digest(kind: str, gallery: np.ndarray) -> str:
    """SHA-256 of the features, and of what an index is built with."""
    import faiss

    builder = Path(approximate_neighbours.__file__).read_text()
    digest = hashlib.sha256(repr((kind, faiss.__version__, builder, gallery.shape)).encode())
    digest.update(np.ascontiguousarray(gallery))
    return digest.hexdigest()
