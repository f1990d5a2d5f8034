import math
from dataclasses import replace

import pytest
import torch
from small_training import small_method
from target_oracle import random_keys
from torch.testing import assert_close

from maskcon.methods.parts.contrast import batch_and_queue
from maskcon.methods.sane import refined_target, refinement_weight
from maskcon.training import mixed_images, step
from maskcon.training.batches import Batch
from maskcon.training.learner import build_learner
from maskcon.training.mixed_images import draw_mixture, mixed_contrast
from maskcon.training.step import unit

CPU = torch.device("cpu")


def refined_in_loops(keys, temperature, mu, mask_by_coarse):
    own = keys.own.double().tolist()
    everything = own + keys.queue.double().tolist()
    coarse = keys.own_coarse.tolist() + keys.queue_coarse.tolist()
    rows = []
    for i, key in enumerate(own):
        candidates = [j for j in range(len(everything)) if not mask_by_coarse or coarse[j] == coarse[i]]
        powers = {
            j: math.exp(sum(a * b for a, b in zip(key, everything[j], strict=True)) / temperature) for j in candidates
        }
        p = [powers.get(j, 0.0) / sum(powers.values()) for j in range(len(everything))]
        del powers[i]
        if powers:
            q = [powers.get(j, 0.0) / sum(powers.values()) for j in range(len(everything))]
        else:
            q = [float(j == i) for j in range(len(everything))]
        zeta = 1 + mu * max(p) + mu * max(q)
        alpha, beta = mu * max(p) / zeta, mu * max(q) / zeta
        rows.append([(1 - alpha - beta) * (j == i) + alpha * p[j] + beta * q[j] for j in range(len(everything))])
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize("mask_by_coarse", [False, True])
@pytest.mark.parametrize("mu", [0.0, 0.5, 1.0, 10.0])
@pytest.mark.parametrize("temperature", [0.05, 0.16])
def test_refined_labels_equal_the_loops_and_sum_to_one(temperature, mu, mask_by_coarse):
    for seed in range(3):
        keys = random_keys(seed)
        refined = refined_target(keys, temperature, mu, mask_by_coarse).double()
        assert_close(refined, refined_in_loops(keys, temperature, mu, mask_by_coarse), rtol=0, atol=3e-6)
        assert_close(refined.sum(dim=1), torch.ones(6).double(), rtol=0, atol=1e-6)


def test_image_alone_in_its_class_keeps_its_own_key():
    keys = random_keys(3)
    keys.own_coarse[4] = 99
    assert_close(refined_target(keys, 0.16, 1.0, True)[4], torch.eye(15)[4])


def test_refinement_rises_along_half_a_cosine():
    weights = [refinement_weight(progress, 0.5, 10.0) for progress in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert weights[0] == 0.5
    assert weights[2] == pytest.approx(5.25)
    assert weights[4] == 10.0
    assert weights == sorted(weights)
    assert weights[1] - weights[0] == pytest.approx(weights[4] - weights[3])


def test_labels_are_refined_in_the_mixed_contrast_alone():
    method = small_method("sane", mixup={"weight": 0.3, "beta": 2.0})
    keys = random_keys(4)
    late = replace(keys, progress=0.75)
    assert torch.equal(method.target(late), torch.eye(6, 15))
    assert torch.equal(method.mixup.target(replace(keys, progress=0.0)), torch.eye(6, 15))
    assert_close(
        method.mixup.target(late).double(),
        refined_in_loops(keys, 0.2 * 0.8, 0.5 + 0.5 * math.sqrt(0.5), False),
        rtol=0,
        atol=3e-6,
    )
    assert (method.mixup.weight, method.mixup.beta) == (0.3, 2.0)


# Momentum mixup, the step that SANE's labels are for


@pytest.fixture
def learner_and_batch(tiny_parameters):
    learner = build_learner(tiny_parameters(loss="sane"), 3, CPU)
    generator = torch.Generator().manual_seed(0)
    keys = unit(torch.randn(64, 8, generator=generator))
    learner.queue.enqueue(keys, torch.randint(3, (64,), generator=generator))
    views = torch.rand(2, 16, 1, 16, 24, generator=generator)
    return learner, Batch(views[0], views[1] ** 2, torch.randint(3, (16,), generator=generator), seed=5)


def mixed_call(monkeypatch, learner, batch, theta, permuted):
    """Own keys, images that the query network saw, similarities and target of the mixed contrast, for a mixture."""
    calls, seen = [], []
    monkeypatch.setattr(mixed_images, "draw_mixture", lambda number, beta, generator: (theta, permuted))
    for module in (step, mixed_images):
        monkeypatch.setattr(module, "soft_cross_entropy", lambda *args: calls.append(args) or torch.zeros(()))
    encode = learner.encode_queries
    monkeypatch.setattr(learner, "encode_queries", lambda view: seen.append(view) or encode(view))
    with torch.no_grad():
        own_key = learner.encode_key_view(batch.key_view)[0]
        learner(batch, learner.encode_keys(batch, progress=0.5))
    _, (similarities, target, *_) = calls
    return own_key, seen, similarities, target


PERMUTED = torch.arange(16).roll(3)


@pytest.mark.parametrize("theta", [0.0, 0.3])
def test_mixture_is_of_query_images_with_other_key_views_and_their_targets(monkeypatch, learner_and_batch, theta):
    learner, batch = learner_and_batch
    own_key, seen, similarities, target = mixed_call(monkeypatch, learner, batch, theta, PERMUTED)
    keys = replace(random_keys(0), own=own_key, queue=learner.queue.keys, own_coarse=batch.coarse, progress=0.5)
    query = unit(learner.query_network(seen[1])[1])
    assert_close(similarities, batch_and_queue(query, own_key, learner.queue.keys).detach(), rtol=0, atol=1e-5)
    refined = learner.method.mixup.target(keys)
    for i in range(16):
        partner = int(PERMUTED[i])
        assert_close(seen[1][i], theta * batch.query_view[i] + (1 - theta) * batch.key_view[partner])
        assert_close(target[i], theta * refined[i] + (1 - theta) * refined[partner])
    assert_close(target.sum(dim=1), torch.ones(16))
    assert target.shape == (16, 16 + 64)


def test_loss_is_the_weighted_sum_of_plain_and_mixed(learner_and_batch):
    learner, batch = learner_and_batch
    own_key = learner.encode_key_view(batch.key_view)[0]
    keys = replace(random_keys(0), own=own_key, queue=learner.queue.keys, own_coarse=batch.coarse, progress=0.5)
    query = unit(learner.query_network(batch.query_view)[1])
    plain = -batch_and_queue(query, own_key, learner.queue.keys).div(0.2).log_softmax(dim=1).diagonal().mean()
    mixed = mixed_contrast(learner, learner.method.mixup, batch, keys)
    for weight in (0.0, 0.3, 1.0):
        mixup = replace(learner.method.mixup, weight=weight)
        learner.method = replace(learner.method, mixup=mixup)
        keys = learner.encode_keys(batch, progress=0.5)
        assert_close(learner(batch, keys), (1 - weight) * plain + weight * mixed)


@pytest.mark.parametrize("beta", [0.5, 2.0])
def test_mixtures_are_beta_distributed_permutations(beta):
    """Mean 1/2 and variance 1 / (4 (2 beta + 1)), over 4000 seeds; the same seed draws the same."""
    draws = [draw_mixture(5, beta, torch.Generator().manual_seed(seed)) for seed in range(4000)]
    theta = torch.tensor([theta for theta, _ in draws])
    assert ((theta >= 0) & (theta <= 1)).all()
    assert theta.mean().item() == pytest.approx(0.5, abs=0.02)
    assert theta.var().item() == pytest.approx(1 / (4 * (2 * beta + 1)), rel=0.08)
    assert all(permuted.sort().values.tolist() == [0, 1, 2, 3, 4] for _, permuted in draws)
    assert len({tuple(permuted.tolist()) for _, permuted in draws}) == 120
    again = draw_mixture(5, beta, torch.Generator().manual_seed(7))
    assert again[0] == draws[7][0]
    assert torch.equal(again[1], draws[7][1])
