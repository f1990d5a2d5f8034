"""Features laid out in two dimensions by t-SNE (van der Maaten & Hinton, JMLR 2008).

    points = two_dimensional_map(features, perplexity=30, seed=7)

A map is computed on one thread, so that the number of cores does not move a point. 1,500 points take about 2.5
seconds, 10,000 take minutes.
"""

import numpy as np

PRINCIPAL_COMPONENTS = 50  # kept of the features: t-SNE sees neighbourhoods, which these keep
ITERATIONS = 500


def two_dimensional_map(features: np.ndarray, perplexity: float, seed: int) -> np.ndarray:
    """float32 [N, 2] for float32 [N, F] of unit rows: near in cosine means near on the map.

    On unit rows the squared Euclidean distance is 2 - 2 cos, so Euclidean t-SNE follows the cosine.

    Args:
        perplexity: about how many neighbours a point listens to; lowered where there are few points.
        seed: of t-SNE and of the principal components.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    seed = seed % 2**32  # what scikit-learn takes
    features = np.ascontiguousarray(features, dtype=np.float32)
    with threadpool_limits(1):
        components = min(PRINCIPAL_COMPONENTS, *features.shape)
        if np.ptp(features, axis=0).max() == 0:  # all images alike: there is nothing to lay out
            return np.zeros((len(features), 2), dtype=np.float32)
        reduced = PCA(components, random_state=seed).fit_transform(features)
        perplexity = min(perplexity, (len(features) - 1) / 3)
        return TSNE(
            n_components=2,
            perplexity=perplexity,
            init="pca" if components > 1 else "random",
            max_iter=ITERATIONS,
            random_state=seed,
            n_jobs=1,
        ).fit_transform(reduced)
