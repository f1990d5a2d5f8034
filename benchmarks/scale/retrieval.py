"""Neighbours among features of any number: exactly, and by indexes of faiss. Each a process, see measuring.py.

FOLDER/gallery.npy float32 [N, 128] unit rows, FOLDER/fine.npy int32 [N] their classes, and what exact search found.

The features are a mixture on the sphere: coarse centres, about each of them 20 fine centres, about each of those 100
images on average, half as far again from it as fine centres are from coarse ones. All are drawn with standard
deviations that fall with the axis j as (1 + j)^-0.5, as the spectra of trained features fall: equal ones in 128
directions would make all images of a class equally far from each other, and nearest would mean nothing.
"""

from pathlib import Path

import numpy as np
import torch

from benchmarks.page_cache import drop_from_page_cache
from benchmarks.scale.measuring import MEBIBYTE, StopWatch
from maskcon.evaluation.retrieval.neighbours import CHUNK_BYTES, gallery_neighbours_by_chunk
from maskcon.explore.approximate_neighbours import built_index, others, recall_of

SIZE = 128  # numbers of a feature
IMAGES_OF_A_FINE_CLASS = 100
FINE_OF_A_COARSE_CLASS = 20
FINE_STEP, IMAGE_STEP = 1.0, 1.5  # from coarse to fine centres, and from those to images; coarse centres lie at 1.0
ROWS = 2**17  # made at a time
QUERIES = 1000
RANKS = (1, 10)


def make(folder: Path, images: int) -> dict:
    folder.mkdir(parents=True)
    generator = np.random.default_rng(images)
    spread = ((1 + np.arange(SIZE)) ** -0.5).astype(np.float32)
    fine_classes = max(images // IMAGES_OF_A_FINE_CLASS, 2)
    coarse_classes = max(fine_classes // FINE_OF_A_COARSE_CLASS, 2)
    coarse = generator.standard_normal((coarse_classes, SIZE), np.float32)
    centres = coarse[np.arange(fine_classes) % coarse_classes]
    centres += FINE_STEP * generator.standard_normal((fine_classes, SIZE), np.float32)
    labels = generator.integers(fine_classes, size=images, dtype=np.int32)
    np.save(folder / "fine.npy", labels)
    gallery = np.lib.format.open_memmap(folder / "gallery.npy", "w+", np.float32, (images, SIZE))
    for first in range(0, images, ROWS):
        of_class = labels[first : first + ROWS]
        rows = centres[of_class] + IMAGE_STEP * generator.standard_normal((len(of_class), SIZE), np.float32)
        rows *= spread
        gallery[first : first + ROWS] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return {}


def exact(folder: Path) -> dict:
    """Neighbours of some rows of the gallery, by the program's own walk through the map."""
    gallery, chosen = opened(folder)
    queries = torch.from_numpy(gallery[chosen])
    watch = StopWatch()
    count = max(RANKS) + 1
    found = [rows for _, rows, _ in gallery_neighbours_by_chunk(queries, torch.from_numpy(gallery), count)]
    search = watch.lap()
    found = others(torch.cat(found).numpy(), chosen)
    np.save(folder / "exact.npy", found)
    return {
        "queries": len(chosen),
        **(search / len(chosen)).as_columns("query"),
        "bound": CHUNK_BYTES / MEBIBYTE,
        **class_recall(folder, found, chosen),
    }


def by_index(folder: Path, kind: str) -> dict:
    import faiss

    gallery, chosen = opened(folder)
    queries = gallery[chosen]
    watch = StopWatch()
    index = built_index(kind, gallery)
    build = watch.lap()
    found, _ = index.nearest(queries, max(RANKS) + 1)
    search = watch.lap()
    path = folder / f"{kind}.faiss"
    faiss.write_index(index.index, str(path))
    size = path.stat().st_size
    path.unlink()
    found, right = others(found, chosen), np.load(folder / "exact.npy", allow_pickle=False)
    recall = recall_of(found, right, RANKS)
    return {
        "queries": len(chosen),
        **build.as_columns("build"),
        **(search / len(chosen)).as_columns("query"),
        "index_bytes": round(size / len(gallery), 1),
        **{f"found_at_{k}": recall[k] for k in RANKS},
        **class_recall(folder, found, chosen),
    }


def opened(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The gallery as a map, which is not in memory yet, and the rows that are queries."""
    drop_from_page_cache(folder / "gallery.npy")
    gallery = np.load(folder / "gallery.npy", mmap_mode="c", allow_pickle=False)
    chosen = np.random.default_rng(0).choice(len(gallery), min(QUERIES, len(gallery)), replace=False)
    return gallery, np.sort(chosen)


def class_recall(folder: Path, found: np.ndarray, chosen: np.ndarray) -> dict[str, float]:
    """Recall@K of the fine classes, for what was found, int64 [M, K]."""
    fine = np.load(folder / "fine.npy", allow_pickle=False)
    hits = (fine[found] == fine[chosen][:, None]) & (found >= 0)  # -1 where an index found fewer
    return {f"recall_at_{k}": float(hits[:, :k].any(axis=1).mean()) for k in RANKS}
