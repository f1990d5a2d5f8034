import math
from dataclasses import replace

import pytest
import torch
from small_training import small_parameters
from target_oracle import expected, random_keys
from torch.testing import assert_close

from maskcon.methods.potential import Negatives, build, kept_keys


def potential(**changes):
    values = {"mined": 3, "negatives": {"margin": 0.4, "warmup_share": 0.1}}
    return small_parameters("potential", **values | changes).loss


def similarity(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def mined_in_loops(key, label, queue, queue_coarse, number, mask_by_coarse):
    candidates = [j for j in range(len(queue)) if not mask_by_coarse or queue_coarse[j] == label]
    return sorted(candidates, key=lambda j: -similarity(key, queue[j]))[:number]


def target_in_loops(own, queue, own_coarse, queue_coarse, number, weight, soft_share, mask_by_coarse):
    rows = []
    for key, label in zip(own, own_coarse, strict=True):
        best = mined_in_loops(key, label, queue, queue_coarse, number, mask_by_coarse)
        powers = {j: math.exp(similarity(key, queue[j]) / 0.1) for j in best}
        r = [0.0] * len(queue)
        for j in best:
            soft = len(best) * powers[j] / sum(powers.values())
            r[j] = weight * ((1 - soft_share) + soft_share * soft)
        rows.append([value / (1 + sum(r)) for value in [1.0, *r]])
    return rows


@pytest.mark.parametrize("mask_by_coarse", [False, True])
@pytest.mark.parametrize("soft_share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("number", [1, 3, 20])
def test_mined_target_equals_the_loops(number, soft_share, mask_by_coarse):
    loss = potential(mined=number, soft_share=soft_share, mask_by_coarse=mask_by_coarse)
    for seed in range(3):
        keys = random_keys(seed)
        target = build(loss).target(keys).double()
        oracle = expected(target_in_loops, keys, number, 0.5, soft_share, mask_by_coarse)
        assert_close(target, oracle, rtol=0, atol=3e-6)
        assert_close(target.sum(dim=1), torch.ones(6).double(), rtol=0, atol=1e-6)


def kept_in_loops(similarities, positive, margin):
    rows = []
    for row, positives in zip(similarities.tolist(), positive.tolist(), strict=True):
        negatives = [j for j in range(len(positives)) if not positives[j]]
        near = [j for j in negatives if abs(row[1 + j] - row[0]) <= margin] or negatives
        rows.append([True, *(positives[j] or j in near for j in range(len(positives)))])
    return torch.tensor(rows)


@pytest.mark.parametrize("margin", [0.05, 0.4, 1.0])
def test_kept_keys_equal_the_loops(margin):
    generator = torch.Generator().manual_seed(0)
    similarities = torch.rand(200, 10, generator=generator) * 2 - 1
    positive = torch.rand(200, 9, generator=generator) < 0.3
    kept = kept_keys(similarities, positive, 0.5, Negatives(margin=margin, warmup_share=0.1))
    assert torch.equal(kept, kept_in_loops(similarities, positive, margin))


def test_row_without_a_near_negative_keeps_all():
    similarities = torch.tensor([[0.9, -0.2, -0.3, 0.88], [0.9, 0.8, -0.3, 0.88]])
    positive = torch.tensor([[False, False, True]]).repeat(2, 1)
    negatives = Negatives(margin=0.4, warmup_share=0.1)
    kept = kept_keys(similarities, positive, 0.5, negatives)
    assert kept.tolist() == [[True, True, True, True], [True, True, False, True]]
    all_positive = kept_keys(similarities, torch.ones_like(positive), 0.5, negatives)
    assert all_positive.all()


@pytest.mark.parametrize(("progress", "all_kept"), [(0.0, True), (0.0999, True), (0.1, False), (1.0, False)])
def test_all_negatives_are_kept_during_the_warmup(progress, all_kept):
    similarities = torch.linspace(1, -1, 10)[None, :]
    kept = kept_keys(
        similarities, torch.zeros(1, 9, dtype=torch.bool), progress, Negatives(margin=0.3, warmup_share=0.1)
    )
    assert bool(kept.all()) is all_kept


@pytest.mark.parametrize("mask_by_coarse", [False, True])
def test_mined_keys_are_never_left_out(mask_by_coarse):
    """So the target is 0 wherever a key is left out, which the loss relies on."""
    method = build(potential(mask_by_coarse=mask_by_coarse, negatives={"margin": 0.1, "warmup_share": 0.1}))
    keys = replace(random_keys(5), progress=0.6)
    similarities = torch.rand(6, 10, generator=torch.Generator().manual_seed(3)) * 2 - 1
    kept = method.kept(similarities, keys)
    assert not kept.all()
    assert (method.target(keys)[~kept] == 0).all()
