import pytest
import target_oracle as oracle
import torch
from small_training import small_method
from target_oracle import expected, random_keys
from torch.testing import assert_close

from maskcon.methods.parts.contrast import own_and_queue, soft_cross_entropy

WEIGHTS = [0.0, 0.2, 0.5, 1.0]


def grafit(w):
    return small_method("grafit", w=w)


@pytest.mark.parametrize("w", WEIGHTS)
@pytest.mark.parametrize("seed", range(3))
def test_target_equals_the_loops(seed, w):
    keys = random_keys(seed)
    assert_close(grafit(w).target(keys).double(), expected(oracle.grafit, keys, w), rtol=0, atol=2e-7)
    assert grafit(w).extra_head is None
    assert grafit(w).contrast_weight == 1


def test_ends_are_selfcon_and_supcon():
    keys = random_keys(4)
    assert torch.equal(grafit(0.0).target(keys).double(), expected(oracle.selfcon, keys))
    assert_close(grafit(1.0).target(keys).double(), expected(oracle.supcon, keys), rtol=0, atol=1e-7)


@pytest.mark.parametrize("w", WEIGHTS)
def test_loss_is_the_weighted_sum_of_both_losses(w):
    keys = random_keys(5)
    query = random_keys(6).own.double()

    def loss(target):
        return soft_cross_entropy(own_and_queue(query, keys.own.double(), keys.queue.double()), target.double(), 0.1)

    supervised, own = loss(expected(oracle.supcon, keys)), loss(expected(oracle.selfcon, keys))
    assert abs(supervised - own) > 0.1
    assert_close(loss(grafit(w).target(keys)), w * supervised + (1 - w) * own, rtol=1e-6, atol=0)
