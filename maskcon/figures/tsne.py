"""Features laid out in two dimensions by t-SNE (van der Maaten & Hinton, JMLR 2008).

    maps = two_dimensional_maps({"untrained": before, "encoder": after}, perplexity=30, seed=7)

A map is computed on one thread, so that the number of cores does not move a point; several maps share the cores. 1,500
points take about 2.5 seconds, 10,000 take minutes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from maskcon.runtime.atomic_files import write_atomically
from maskcon.runtime.one_thread import on_one_thread_each

MAPS = Path("reports/maps.npz")  # by the stage figures, for the gallery too
PRINCIPAL_COMPONENTS = 50  # kept of the features: t-SNE sees neighbourhoods, which these keep
ITERATIONS = 500


@dataclass(frozen=True)
class LaidOut:
    shown: np.ndarray  # int64 [M], rows of a part
    maps: dict[str, np.ndarray]  # float32 [M, 2] of these, by the name of the features


def write_maps(laid_out: LaidOut, path: Path) -> None:
    write_atomically(path, lambda file: np.savez(file, shown=laid_out.shown, **laid_out.maps))


def read_maps(path: Path) -> LaidOut:
    with np.load(path, allow_pickle=False) as arrays:
        return LaidOut(arrays["shown"], {name: arrays[name] for name in arrays.files if name != "shown"})


def two_dimensional_maps(features: Mapping[str, np.ndarray], perplexity: float, seed: int) -> dict[str, np.ndarray]:
    """float32 [N, 2] for each float32 [N, F] of unit rows: near in cosine means near on the map.

    On unit rows the squared Euclidean distance is 2 - 2 cos, so Euclidean t-SNE follows the cosine.

    Args:
        perplexity: about how many neighbours a point listens to; lowered where there are few points.
        seed: of t-SNE and of the principal components.
    """
    lay_out = partial(_map, perplexity=perplexity, seed=seed)
    maps = on_one_thread_each(lay_out, features.values(), "sklearn.manifold")
    return dict(zip(features, maps, strict=True))


def _map(features: np.ndarray, perplexity: float, seed: int) -> np.ndarray:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    seed = seed % 2**32  # what scikit-learn takes
    features = np.ascontiguousarray(features, dtype=np.float32)
    components = min(PRINCIPAL_COMPONENTS, *features.shape)
    if np.ptp(features, axis=0).max() == 0:  # all images alike: there is nothing to lay out
        return np.zeros((len(features), 2), dtype=np.float32)
    reduced = PCA(components, random_state=seed).fit_transform(features)
    return TSNE(
        n_components=2,
        perplexity=min(perplexity, (len(features) - 1) / 3),
        init="pca" if components > 1 else "random",
        max_iter=ITERATIONS,
        random_state=seed,
        n_jobs=1,
    ).fit_transform(reduced)
