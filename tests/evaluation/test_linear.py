import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from maskcon.evaluation.measures.linear import Values, chosen_probe, measure, most_accurate, probe_path
from maskcon.evaluation.measures.shared.measured import Part
from tests.evaluation.made_up_parts import part


def classes_with_noise(images, seed, size=8, classes=5, noise=1.0):
    centres = np.random.default_rng(0).standard_normal((classes, size))
    draw = np.random.default_rng(seed)
    labels = draw.integers(classes, size=images)
    return (centres[labels] + noise * draw.standard_normal((images, size))).astype(np.float32), labels * 10


@pytest.mark.parametrize("strength", [1e-1, 1e-3, 1e-5])
def test_a_path_ends_at_the_optimum_of_each_strength(strength):
    """Of one fit by itself, with 64 bits and a far smaller tolerance."""
    features, labels = classes_with_noise(300, seed=1)
    probes = probe_path(features, labels, [strength, 1e-2, 1])
    assert list(probes) == sorted([strength, 1e-2, 1], reverse=True)
    probe = probes[strength]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = LogisticRegression(C=1 / (strength * 300), max_iter=5000, tol=1e-8)
        reference.fit(((features - probe.mean) / probe.scale).astype(np.float64), labels)
    others, _ = classes_with_noise(500, seed=2)
    expected = reference.predict((others - probe.mean) / probe.scale)
    assert (probe.predict(others) == expected).mean() >= 0.99
    assert np.mean(np.square(features - probe.mean).sum(axis=1)) == pytest.approx(probe.scale**2)


def test_the_strength_that_does_best_is_chosen():
    """Many features, few images, much noise: the weakest penalty learns the noise, the strongest learns nothing."""
    probes = probe_path(*classes_with_noise(60, seed=1, size=40, noise=3.0), [10.0, 1.0, 0.1, 1e-2, 1e-6])
    val, labels = classes_with_noise(2000, seed=2, size=40, noise=3.0)
    accuracy = {strength: (probe.predict(val) == labels).mean() for strength, probe in probes.items()}
    assert accuracy[most_accurate(probes, val, labels)] == max(accuracy.values()) > accuracy[1e-6]


def test_of_equally_good_strengths_the_strongest():
    features, labels = classes_with_noise(100, seed=1, noise=0.01)  # all strengths are right everywhere
    assert most_accurate(probe_path(features, labels, [1e-3, 1e-2, 1e-4]), features, labels) == 1e-2


@pytest.mark.parametrize("labels", [[1] * 6 + [2] * 3, [1] * 9])
def test_features_or_labels_without_differences(labels):
    probe = probe_path(np.full((9, 4), 0.5, np.float32), np.array(labels), [1e-3])[1e-3]
    assert probe.predict(np.full((2, 4), 0.5, np.float32)).tolist() == [1, 1]


@pytest.fixture
def parts():
    return {"train": part(240, 1), "val": part(96, 2), "test": part(120, 3)}


def test_the_strength_is_chosen_on_val(parts):
    val = parts["val"]
    parts["val"] = Part(val.features, val.coarse, np.full(len(val.fine), 3))  # what a strong penalty can do best
    assert chosen_probe(parts, "coarse", [1e3, 1e-3], "test", seed=1)[0] == 1e-3
    assert chosen_probe(parts, "fine", [1e3, 1e-3], "test", seed=1)[0] == 1e3


@pytest.mark.parametrize("val", ["measured", "empty", "of other classes"])
def test_otherwise_on_train_and_the_probe_is_fitted_to_all_of_it(parts, val):
    images = parts["val"]
    parts["val"] = {
        "measured": Part(images.features, 2 - images.coarse, 11 - images.fine),  # what test labels say is not looked at
        "empty": Part(images.features[:0], images.coarse[:0], images.fine[:0]),
        "of other classes": Part(images.features, images.coarse + 50, images.fine + 50),
    }[val]
    split = "val" if val == "measured" else "test"
    for name in ("fine", "coarse"):
        strength, probe = chosen_probe(parts, name, [1e3, 1e-3], split, seed=1)
        assert strength == 1e-3
        assert np.allclose(probe.mean, parts["train"].features.numpy().mean(axis=0))
    if val == "empty":
        found = measure(parts, "test", Values(strengths=[1e3, 1e-3]), seed=1)
        assert found.scores["linear_fine_top_1"].mean() > 0.9
        assert found.numbers == {"linear_fine_strength": 1e-3, "linear_coarse_strength": 1e-3}
