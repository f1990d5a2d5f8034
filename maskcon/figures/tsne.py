"""Features laid out in two dimensions by t-SNE (van der Maaten & Hinton, JMLR 2008).

    points = most_points(wanted=1500)
    untrained_map, trained_map = two_dimensional_maps([untrained, trained], perplexity=30, seed=7)

Each map is computed on one thread, so that the number of cores does not move a point; several maps are computed
at the same time. 1,500 points take about 2.5 seconds a map. Up to 5,000 points scikit-learn lays them out; more would
take it minutes, and are left to openTSNE (Poličar, Stražar and Zupan, JSS 2024), an optional extra. Where that is not
installed, a map shows 5,000 images, drawn by the run's seed.
"""

import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec

import numpy as np

PRINCIPAL_COMPONENTS = 50  # kept of the features: t-SNE sees neighbourhoods, which these keep
ITERATIONS = 500  # of scikit-learn; openTSNE has its own default of 250 and 500
MOST_FOR_SCIKIT_LEARN = 5000  # points


def most_points(wanted: int) -> int:
    """How many points a map may have: ``wanted``, or 5,000 where that is more and openTSNE is not installed."""
    if wanted <= MOST_FOR_SCIKIT_LEARN or find_spec("openTSNE"):
        return wanted
    print(
        f"figures.tsne_images={wanted}: maps of more than {MOST_FOR_SCIKIT_LEARN} points need openTSNE, which is not "
        f"installed (pip install openTSNE==1.0.4); the map shows at most {MOST_FOR_SCIKIT_LEARN} images, drawn by seed",
        file=sys.stderr,
        flush=True,
    )
    return MOST_FOR_SCIKIT_LEARN


def two_dimensional_maps(
    features: Sequence[np.ndarray], perplexity: float, seed: int, processes: int = 2
) -> Iterator[np.ndarray]:
    """Begin all maps at once and hand them out in order, so that other work can go on meanwhile.

    Args:
        features: for each map float32 [N, F], unit rows; N at most ``most_points``.
        perplexity: about how many neighbours a point listens to; lowered where there are few points.
        seed: of t-SNE and of the principal components.

    Returns:
        float32 [N, 2] for each of ``features``.
    """
    from joblib import Parallel, delayed

    workers = Parallel(n_jobs=min(processes, len(features)), return_as="generator")
    return workers(delayed(two_dimensional_map)(one, perplexity, seed) for one in features)


def two_dimensional_map(features: np.ndarray, perplexity: float, seed: int) -> np.ndarray:
    """float32 [N, 2] for float32 [N, F] of unit rows: near in cosine means near on the map.

    On unit rows the squared Euclidean distance is 2 - 2 cos, so Euclidean t-SNE follows the cosine.
    """
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits

    seed = seed % 2**32  # what scikit-learn takes
    features = np.ascontiguousarray(features, dtype=np.float32)
    with threadpool_limits(1):
        components = min(PRINCIPAL_COMPONENTS, *features.shape)
        if np.ptp(features, axis=0).max() == 0:  # all images alike: there is nothing to lay out
            return np.zeros((len(features), 2), dtype=np.float32)
        reduced = PCA(components, random_state=seed).fit_transform(features)
        perplexity = min(perplexity, (len(features) - 1) / 3)
        lay_out = _by_scikit_learn if len(features) <= MOST_FOR_SCIKIT_LEARN else _by_opentsne
        return lay_out(reduced, perplexity, seed)


def _by_scikit_learn(reduced: np.ndarray, perplexity: float, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    return TSNE(
        n_components=2,
        perplexity=perplexity,
        init="pca" if reduced.shape[1] > 1 else "random",
        max_iter=ITERATIONS,
        random_state=seed,
        n_jobs=1,
    ).fit_transform(reduced)


def _by_opentsne(reduced: np.ndarray, perplexity: float, seed: int) -> np.ndarray:
    from openTSNE import TSNE

    made = TSNE(
        n_components=2,
        perplexity=perplexity,
        initialization="pca" if reduced.shape[1] > 1 else "random",
        random_state=seed % 2**31,
        n_jobs=1,
    ).fit(reduced)
    return np.asarray(made, dtype=np.float32)
