import numpy as np
import pytest
import torch

from maskcon.evaluation.measures import few_shot
from maskcon.evaluation.measures.few_shot import NO_IMAGE, classes_with_enough, episode_accuracies
from maskcon.runtime.randomness import numpy_generator
from tests.evaluation.made_up_parts import unit_rows

LABELS = np.random.default_rng(0).permutation(np.repeat([3, 5, 6, 7, 9, 11, 20], [1, 2, 4, 6, 9, 20, 25]))


def episodes(ways, shots, queries=15, count=50, seed=0):
    return list(few_shot._episodes(LABELS, ways, shots, queries, count, numpy_generator(seed)))


@pytest.mark.parametrize(
    ("ways", "shots", "queries"), [(None, 1, 15), (None, 5, 15), (3, 1, 15), (4, 5, 2), (2, 3, 100)]
)
def test_what_an_episode_holds(ways, shots, queries):
    usable = [label for label in set(LABELS) if np.count_nonzero(label == LABELS) > shots]
    met = set()
    for shown, asked in episodes(ways, shots, queries):
        assert shown.shape == (ways or len(usable), shots)
        classes = LABELS[shown[:, 0]]
        assert len(set(classes)) == len(classes)
        met |= set(classes)
        for label, show, ask in zip(classes, shown, asked, strict=True):
            ask = ask[ask != NO_IMAGE]
            assert set(LABELS[[*show, *ask]]) == {label}
            assert len({*show, *ask}) == len(show) + len(ask)  # no image twice
            assert len(ask) == min(queries, np.count_nonzero(label == LABELS) - shots)
    assert met == set(usable) == set(classes_with_enough(LABELS, shots))


@pytest.mark.parametrize(("ways", "shots"), [(3, 1), (3, 5), (None, 1), (None, 3)])
def test_same_as_loops_over_classes_and_queries(ways, shots):
    features = unit_rows(len(LABELS), 6).double()
    accuracies = episode_accuracies(features, LABELS, ways, shots, 4, 50, numpy_generator(0))
    for accuracy, (shown, asked) in zip(accuracies, episodes(ways, shots, 4), strict=True):
        means = [sum(features[row] for row in show) / shots for show in shown]
        by_class = []
        for own, ask in enumerate(asked):
            hits = []
            for row in ask[ask != NO_IMAGE]:
                distance = [float(((features[row] - mean) ** 2).sum()) for mean in means]
                hits.append(distance.index(min(distance)) == own)
            by_class.append(np.mean(hits))
        assert accuracy == pytest.approx(np.mean(by_class))


def test_episodes_do_not_depend_on_features_nor_on_how_many_are_done_at_once(monkeypatch):
    features = unit_rows(len(LABELS), 6)
    whole = episode_accuracies(features, LABELS, 3, 1, 15, 50, numpy_generator(0))
    monkeypatch.setattr(few_shot, "FEATURES_AT_ONCE", 1000)
    assert episode_accuracies(features, LABELS, 3, 1, 15, 50, numpy_generator(0)) == pytest.approx(whole)
    padded = torch.cat([features, torch.zeros(len(LABELS), 9)], dim=1)  # the same similarities
    assert episode_accuracies(padded, LABELS, 3, 1, 15, 50, numpy_generator(0)) == pytest.approx(whole)
