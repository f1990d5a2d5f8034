import math

import pytest
import torch
from target_oracle import random_keys
from torch.testing import assert_close

from maskcon.methods.parts.contrast import batch_and_queue, over_batch_and_queue, own_and_queue, soft_cross_entropy


def problem(seed, rows=6, columns=10):
    """Similarities in [-1, 1] and targets whose rows sum to 1."""
    generator = torch.Generator().manual_seed(seed)
    similarities = torch.rand(rows, columns, generator=generator) * 2 - 1
    target = torch.rand(rows, columns, generator=generator)
    return similarities, target / target.sum(dim=1, keepdim=True), generator


def cross_entropy_in_loops(similarities, target, temperature, kept):
    total = 0.0
    for row, weights, stays in zip(similarities.tolist(), target.tolist(), kept.tolist(), strict=True):
        normaliser = math.log(
            sum(math.exp(value / temperature) for value, stay in zip(row, stays, strict=True) if stay)
        )
        for value, weight, stay in zip(row, weights, stays, strict=True):
            if stay:
                total -= weight * (value / temperature - normaliser)
    return total / len(similarities)


def test_similarities_of_both_key_sets_are_inner_products():
    keys, query = random_keys(0), random_keys(1).own
    alone, with_batch = own_and_queue(query, keys.own, keys.queue), batch_and_queue(query, keys.own, keys.queue)
    assert alone.shape == (6, 1 + 9)
    assert with_batch.shape == (6, 6 + 9)
    for i in range(6):
        assert_close(alone[i, 0], query[i] @ keys.own[i])
        for j in range(6):
            assert_close(with_batch[i, j], query[i] @ keys.own[j])
        for j in range(9):
            assert_close(alone[i, 1 + j], query[i] @ keys.queue[j])
            assert_close(with_batch[i, 6 + j], query[i] @ keys.queue[j])


def test_target_over_the_batch_weighs_the_same_keys():
    """Weight by weight: its own key's in the image's own column, the queue's behind the batch, nothing elsewhere."""
    _, target, _ = problem(2)
    larger = over_batch_and_queue(target)
    assert larger.shape == (6, 6 + 9)
    for i in range(6):
        for j in range(6):
            assert larger[i, j] == (target[i, 0] if i == j else 0)
        assert torch.equal(larger[i, 6:], target[i, 1:])


@pytest.mark.parametrize("temperature", [0.05, 0.1, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_soft_cross_entropy_equals_the_loops(seed, temperature):
    similarities, target, _ = problem(seed)
    everything = torch.ones(6, 10, dtype=torch.bool)
    expected = cross_entropy_in_loops(similarities, target, temperature, everything)
    assert soft_cross_entropy(similarities, target, temperature).item() == pytest.approx(expected, rel=1e-5)
    assert soft_cross_entropy(similarities, target, temperature, everything).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_keys_left_out_are_as_if_they_were_not_there(seed):
    similarities, target, generator = problem(seed)
    kept = torch.rand(6, 10, generator=generator) < 0.6
    kept[:, 0] = True
    target = target * kept / (target * kept).sum(dim=1, keepdim=True)
    expected = cross_entropy_in_loops(similarities, target, 0.1, kept)
    assert soft_cross_entropy(similarities, target, 0.1, kept).item() == pytest.approx(expected, rel=1e-5)
    one_by_one = [
        soft_cross_entropy(similarities[i : i + 1, kept[i]], target[i : i + 1, kept[i]], 0.1) for i in range(6)
    ]
    assert_close(soft_cross_entropy(similarities, target, 0.1, kept), torch.stack(one_by_one).mean())
    as_zeros = soft_cross_entropy(similarities * kept, target, 0.1)  # a similarity of 0 is not a key left out
    assert abs(as_zeros.item() - expected) > 1e-3


def test_gradient_passes_keys_left_out_by_and_is_finite():
    similarities, target, _ = problem(3)
    kept = torch.ones(6, 10, dtype=torch.bool)
    kept[:, 4:] = False
    kept[0, 1:] = False  # one key alone, the own one
    target = target * kept / (target * kept).sum(dim=1, keepdim=True)
    similarities.requires_grad_()
    soft_cross_entropy(similarities, target, 0.1, kept).backward()
    assert similarities.grad.isfinite().all()
    assert (similarities.grad[~kept] == 0).all()
    assert (similarities.grad[1:, :4] != 0).all()
    softmax = (similarities.detach()[1, :4] / 0.1).softmax(dim=0)
    assert_close(similarities.grad[1, :4], (softmax - target[1, :4]) / (6 * 0.1))
