import warnings

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from maskcon.evaluation.measures.linear import HELD_OUT, hold_out, most_accurate, probe_path
from maskcon.runtime.randomness import numpy_generator


def classes_with_noise(images, seed, size=8, classes=5, noise=1.0):
    draw = np.random.default_rng(0)
    centres = draw.standard_normal((classes, size))
    draw = np.random.default_rng(seed)
    labels = draw.integers(classes, size=images)
    features = centres[labels] + noise * draw.standard_normal((images, size))
    return torch.tensor(features, dtype=torch.float32), labels * 10


def loss_of(weight, bias, features, labels, strength):
    """The penalised loss, term by term."""
    logits = features @ weight.T + bias
    each = [np.log(np.exp(row - row.max()).sum()) + row.max() - row[c] for row, c in zip(logits, labels, strict=True)]
    return np.mean(each) + strength / 2 * (weight**2).sum()


@pytest.mark.parametrize("strength", [1e-1, 1e-2, 1e-3, 1e-5])
def test_the_optimum_is_that_of_scikit_learn(strength):
    features, labels = classes_with_noise(300, seed=1)
    (probe,) = probe_path(features, labels, [strength])

    standardised = ((features - features.mean(0)) / (features - features.mean(0)).square().sum(1).mean().sqrt()).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = LogisticRegression(C=1 / (strength * 300), max_iter=5000, tol=1e-8)
        reference.fit(standardised.astype(np.float64), labels)

    found = loss_of(probe.weight.double().numpy(), probe.bias.double().numpy(), standardised, labels // 10, strength)
    best = loss_of(reference.coef_, reference.intercept_, standardised, labels // 10, strength)
    assert best - 1e-6 < found < best + 1e-4 * best
    others, _ = classes_with_noise(500, seed=2)
    assert (
        probe.predict(others) == reference.predict((others - probe.mean).numpy() / probe.scale.numpy())
    ).mean() >= 0.99
    assert probe.classes.tolist() == [0, 10, 20, 30, 40]


def test_a_path_ends_where_single_fits_end():
    """Each starts from the solution before; the minimum is one all the same."""
    features, labels = classes_with_noise(200, seed=1)
    strengths = [1e-4, 1e-1, 1e-2, 1e-3]
    path = probe_path(features, labels, strengths)
    assert [probe.strength for probe in path] == sorted(strengths, reverse=True)
    for probe in path:
        (alone,) = probe_path(features, labels, [probe.strength])
        assert torch.allclose(probe.weight, alone.weight, rtol=0.02, atol=0.02 * float(alone.weight.abs().max()))


def test_the_unit_and_the_origin_of_features_do_not_matter():
    features, labels = classes_with_noise(200, seed=1)
    (probe,) = probe_path(features, labels, [1e-3])
    (moved,) = probe_path(features * 0.01 + 5, labels, [1e-3])
    assert torch.allclose(probe.weight, moved.weight, atol=0.02)
    assert np.array_equal(probe.predict(features), moved.predict(features * 0.01 + 5))


def test_a_strong_penalty_leaves_the_shares_of_the_classes():
    features, labels = torch.randn(100, 3, generator=torch.Generator().manual_seed(0)), np.repeat([4, 7], [75, 25])
    (probe,) = probe_path(features, labels, [1e6])
    assert probe.weight.abs().max() < 1e-5
    assert torch.softmax(probe.bias, 0).tolist() == pytest.approx([0.75, 0.25], abs=1e-3)
    assert set(probe.predict(features)) == {4}


def test_the_strength_that_does_best_is_chosen():
    """Many features, few images, much noise: the weakest penalty learns the noise, the strongest learns nothing."""
    train, labels = classes_with_noise(60, seed=1, size=40, noise=3.0)
    val, val_labels = classes_with_noise(2000, seed=2, size=40, noise=3.0)
    probes = probe_path(train, labels, [10.0, 1.0, 0.1, 1e-2, 1e-6])
    accuracy = {probe.strength: (probe.predict(val) == val_labels).mean() for probe in probes}
    best = most_accurate(probes, val, val_labels)
    assert accuracy[best.strength] == max(accuracy.values()) > accuracy[1e-6]


def test_of_equally_good_strengths_the_strongest():
    features, labels = classes_with_noise(100, seed=1, noise=0.01)  # all strengths are right everywhere
    probes = probe_path(features, labels, [1e-2, 1e-3, 1e-4])
    assert most_accurate(probes[::-1], features, labels).strength == 1e-2


def test_the_same_features_give_the_same_numbers():
    features, labels = classes_with_noise(100, seed=1)
    first, second = (probe_path(features, labels, [1e-2, 1e-4])[-1] for _ in range(2))
    assert torch.equal(first.weight, second.weight)
    assert torch.equal(first.bias, second.bias)


def test_features_without_differences():
    (probe,) = probe_path(torch.full((9, 4), 0.5), np.array([1] * 6 + [2] * 3), [1e-3])
    assert probe.predict(torch.full((2, 4), 0.5)).tolist() == [1, 1]


@pytest.mark.parametrize("images", [2, 3, 10, 101])
def test_held_out_rows_and_the_others_are_all_rows(images):
    kept, held_out = hold_out(images, numpy_generator(0, "held out"))
    assert sorted([*kept, *held_out]) == list(range(images))
    assert len(held_out) == max(1, round(HELD_OUT * images))
    again = hold_out(images, numpy_generator(0, "held out"))
    assert np.array_equal(held_out, again[1])
