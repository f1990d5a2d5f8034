import math
from dataclasses import replace

import pytest
import torch
from small_training import small_method
from target_oracle import expected, random_keys
from torch.testing import assert_close

from maskcon.methods.parts.interface import Keys


def ascl_target(keys, soft_temperature=0.05, neighbours=5.0, mask_by_coarse=False):
    values = {"soft_temperature": soft_temperature, "neighbours": neighbours, "mask_by_coarse": mask_by_coarse}
    return small_method("ascl", **values).target(keys)


def ascl_in_loops(own, queue, own_coarse, queue_coarse, soft_temperature, neighbours, mask_by_coarse):
    rows = []
    for key, label in zip(own, own_coarse, strict=True):
        candidates = [j for j in range(len(queue)) if not mask_by_coarse or queue_coarse[j] == label]
        powers = {
            j: math.exp(sum(a * b for a, b in zip(key, queue[j], strict=True)) / soft_temperature) for j in candidates
        }
        share = {j: power / sum(powers.values()) for j, power in powers.items()}
        entropy = -sum(p * math.log(p) for p in share.values())
        certainty = 1 - entropy / math.log(len(candidates)) if len(candidates) > 1 else 1.0
        r = [min(1.0, neighbours * certainty * share[j]) if j in share else 0.0 for j in range(len(queue))]
        rows.append([weight / (1 + sum(r)) for weight in [1.0, *r]])
    return rows


@pytest.mark.parametrize("mask_by_coarse", [False, True])
@pytest.mark.parametrize("neighbours", [0.5, 1.0, 5.0])
@pytest.mark.parametrize("soft_temperature", [0.05, 0.3])
def test_ascl_target_equals_the_loops(soft_temperature, neighbours, mask_by_coarse):
    for seed in range(3):
        keys = random_keys(seed)
        target = ascl_target(keys, soft_temperature, neighbours, mask_by_coarse).double()
        oracle = expected(ascl_in_loops, keys, soft_temperature, neighbours, mask_by_coarse)
        assert_close(target, oracle, rtol=0, atol=3e-6)
        assert_close(target.sum(dim=1), torch.ones(6).double(), rtol=0, atol=1e-6)


def keys_with_similarities(similarities, queue_coarse=None):
    """One own key, along the first axis, and a queue of keys at the given similarities to it."""
    along = torch.tensor(similarities)
    queue = torch.stack([along, (1 - along**2).sqrt()], dim=1)
    coarse = torch.zeros(len(along), dtype=torch.int64) if queue_coarse is None else torch.tensor(queue_coarse)
    return Keys(torch.tensor([[1.0, 0.0]]), queue, torch.tensor([0]), coarse)


@pytest.mark.parametrize("number", [7, 8])
def test_uniform_similarities_give_the_own_key(number):
    """Entropy may come out above its largest value by a rounding; a target is never negative."""
    target = ascl_target(keys_with_similarities([0.3] * number))
    assert_close(target, torch.eye(1 + number)[:1], rtol=0, atol=1e-5)
    assert target.min() >= 0


@pytest.mark.parametrize(("neighbours", "weight"), [(1.0, 1.0), (5.0, 1.0), (0.5, 0.5)])
def test_one_dominant_entry_gives_a_certain_neighbour(neighbours, weight):
    """Certainty 1 and share 1: r = min(1, n) at the one that stands out."""
    target = ascl_target(keys_with_similarities([-1.0, 0.95, -1.0, -0.9]), neighbours=neighbours)
    assert_close(target, torch.tensor([[1, 0, weight, 0, 0]]) / (1 + weight), rtol=0, atol=1e-5)


def test_class_with_one_entry_is_certain_and_an_absent_one_gives_the_own_key():
    keys = keys_with_similarities([0.1, 0.9, 0.4], queue_coarse=[0, 1, 1])
    assert_close(ascl_target(keys, mask_by_coarse=True), torch.tensor([[0.5, 0.5, 0, 0]]))
    absent = replace(keys, own_coarse=torch.tensor([7]))
    assert torch.equal(ascl_target(absent, mask_by_coarse=True), torch.eye(4)[:1])
