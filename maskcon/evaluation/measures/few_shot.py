"""Few-shot accuracy: classes that are known by one or a few images each, tried over many random episodes.

    accuracy = episode_accuracies(features, fine, ways=5, shots=1, queries=15, episodes=1000, generator=generator)
    accuracy.mean()

An episode draws classes (the ways), from each some images that are shown (the shots) and others that are asked for (the
queries). The protocol is that of Bukchin et al. (Fine-grained Angular Contrastive Learning with Coarse Labels, CVPR
2021): 15 queries a class, 5 ways or all the classes there are. They fit a logistic regression to the shots and five
augmentations of each; here it is the nearest class mean, which needs neither images nor fitting, so the numbers are
not theirs to the digit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from maskcon.evaluation.measures.shared.measured import Measured, Part
from maskcon.parameters.evaluate import Measure
from maskcon.parameters.values import Count
from maskcon.runtime.randomness import numpy_generator

if TYPE_CHECKING:
    from torch import Tensor


class Values(Measure):
    ways: Annotated[int, Field(ge=2, le=100_000)]
    """Classes in an episode, beside episodes of all classes."""
    shots: Annotated[list[Count], Field(min_length=1)]
    """Images of each class that are shown."""
    queries: Count
    """Images of each class that are asked for, at most."""
    episodes: Annotated[int, Field(ge=2, le=1_000_000)]
    """Episodes that are averaged."""
    all_way_episodes: Annotated[int, Field(ge=2, le=1_000_000)]
    """Episodes of all classes; fewer are enough, as each asks for images of every class."""


NO_IMAGE = -1
FEATURES_AT_ONCE = 2**24  # bounds the memory: 64 MiB of features


def measure(parts: Mapping[str, Part], split: str, values: Values, seed: int) -> Measured:
    """The accuracy of each episode, for each number of ways and shots for which there are enough classes."""
    measured = parts[split]
    if measured.fine is None:
        return Measured()
    scores, left_out = {}, {}
    for shots in values.shots:
        classes = len(classes_with_enough(measured.fine, shots))
        left_out[f"few_shot_classes_left_out_{shots}_shot"] = len(np.unique(measured.fine)) - classes
        for title, ways, episodes in (
            (f"{values.ways}_way", values.ways, values.episodes),
            ("all_way", None, values.all_way_episodes),
        ):
            if classes >= (ways or 2):
                generator = numpy_generator(seed, "few-shot", title, shots)
                scores[f"few_shot_{title}_{shots}_shot"] = episode_accuracies(
                    measured.features, measured.fine, ways, shots, values.queries, episodes, generator
                )
    return Measured(scores, counts=left_out)


def classes_with_enough(labels: np.ndarray, shots: int) -> np.ndarray:
    """int64: the classes with an image to ask for beside the shots."""
    classes, sizes = np.unique(labels, return_counts=True)
    return classes[sizes > shots]


def episode_accuracies(
    features: Tensor,
    labels: np.ndarray,
    ways: int | None,
    shots: int,
    queries: int,
    episodes: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """The accuracy of the nearest class mean in each episode (Snell et al., Prototypical Networks for Few-shot
    Learning, NeurIPS 2017, equations 1 and 2; on unit features, Wang et al., SimpleShot, 2019):

        p_c = mean of the shots of class c,    class of x = argmin_c ||x - p_c||² = argmax_c x·p_c - ||p_c||²/2.

    Every class of an episode counts alike, also where it has fewer than ``queries`` images left to ask for.

    Args:
        features: float32 [N, F], unit rows, on any device.
        labels: int64 [N]; classes without an image beside the shots take no part.
        ways: classes an episode; None: all of them, in each episode.
        generator: the same draws give the same episodes, whatever the features.

    Returns:
        float64 [episodes].
    """
    shown, asked = zip(*_episodes(labels, ways, shots, queries, episodes, generator), strict=True)
    at_once = max(1, FEATURES_AT_ONCE // (features.shape[1] * (shown[0].size + asked[0].size)))
    accuracies = []
    for start in range(0, episodes, at_once):
        some = slice(start, start + at_once)
        accuracies.append(_accuracies(features, np.stack(shown[some]), np.stack(asked[some])))
    return np.concatenate(accuracies)


def _accuracies(features: Tensor, shown: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """float64 [E], of rows shown [E, W, S] and asked for [E, W, Q], W classes in each of E episodes."""
    import torch

    prototypes = features[torch.from_numpy(shown)].mean(dim=2)  # [E, W, F]
    products = torch.einsum("ewqf, ecf -> ewqc", features[torch.from_numpy(asked)], prototypes)
    score = products - prototypes.square().sum(dim=2)[:, None, None] / 2  # [E, W, Q, W]
    right = score.argmax(dim=3).cpu().numpy() == np.arange(asked.shape[1])[:, None]
    there = asked != NO_IMAGE
    return ((right & there).sum(axis=2) / there.sum(axis=2)).mean(axis=1)


def _episodes(
    labels: np.ndarray, ways: int | None, shots: int, queries: int, episodes: int, generator: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of the images of each episode: shown [W, shots] and asked for [W, Q], NO_IMAGE where a class has fewer."""
    images = _images_by_class(labels, classes_with_enough(labels, shots))
    ways = ways or len(images)
    for _ in range(episodes):
        chosen = images if ways == len(images) else images[generator.choice(len(images), ways, replace=False)]
        order = generator.random(chosen.shape)
        order[chosen == NO_IMAGE] = 2  # after all images
        first = order.argsort(axis=1)[:, : shots + queries]
        drawn = np.take_along_axis(chosen, first, axis=1)
        yield drawn[:, :shots], drawn[:, shots:]


def _images_by_class(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """int64 [C, most images of a class]: the rows of each class, then NO_IMAGE."""
    rows = [np.flatnonzero(labels == label) for label in classes]
    table = np.full((len(rows), max(map(len, rows), default=0)), NO_IMAGE)
    for line, of_class in zip(table, rows, strict=True):
        line[: len(of_class)] = of_class
    return table
