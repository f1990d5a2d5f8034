import math

import pytest
import target_oracle as oracle
import torch
from target_oracle import expected, random_keys
from torch.testing import assert_close

from maskcon.methods.parts.targets import blend, own_key_target, same_class_target, similarity_target

SHAPES = [
    (6, 9, 5, 3),
    (1, 1, 4, 2),
    (3, 40, 8, 1),
    (4, 2, 3, 10),
    (16, 64, 16, 4),
]  # batch, queue, dimensions, classes


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", SHAPES)
def test_targets_equal_the_loops(seed, shape):
    keys = random_keys(seed, *shape)
    same = keys.same_coarse
    assert_close(own_key_target(same).double(), expected(oracle.selfcon, keys), rtol=0, atol=0)
    assert_close(same_class_target(same).double(), expected(oracle.supcon, keys), rtol=0, atol=1e-7)
    for temperature in (0.05, 0.1, 1.0, 100.0):
        target = similarity_target(keys.own, keys.queue, same, temperature).double()
        assert_close(target, expected(oracle.maskcon_as_published, keys, 1.0, temperature), rtol=0, atol=2e-6)
        assert_close(target, expected(oracle.maskcon_closed_form, keys, 1.0, temperature), rtol=0, atol=2e-6)


@pytest.mark.parametrize("soft_temperature", [0.001, 0.002, 0.005, 0.01])
@pytest.mark.parametrize("seed", range(5))
def test_small_soft_temperatures(seed, soft_temperature):
    """Neighbours this close differ by a few temperatures, so several weights are far from 0 and 1."""
    keys = random_keys(seed, batch=8, size=200, dimensions=16, classes=2)
    noise = torch.randn(200, 16, generator=torch.Generator().manual_seed(seed))
    near = torch.nn.functional.normalize(keys.own[0] + soft_temperature * noise, dim=1)
    keys = type(keys)(keys.own, near, keys.own_coarse, keys.queue_coarse)
    target = similarity_target(keys.own, keys.queue, keys.same_coarse, soft_temperature).double()
    assert_close(target, expected(oracle.maskcon_closed_form, keys, 1.0, soft_temperature), rtol=0, atol=2e-4)


def test_all_similarities_negative_at_a_small_soft_temperature():
    """The published maximum, over masked similarities, would leave exp(-900) here: nothing but zeros."""
    own = torch.tensor([[1.0, 0.0]])
    queue = torch.tensor([[-0.6, 0.8], [-1.0, 0.0], [0.0, 1.0]])
    target = similarity_target(own, queue, torch.tensor([[True, True, False]]), 0.001)
    assert_close(target, torch.tensor([[0.5, 0.5, 0.0, 0.0]]))


def test_by_hand():
    """Own key along x; queue at 0, 60 and 90 degrees, the last of another class: similarities 1, 1/2, 0."""
    own = torch.tensor([[1.0, 0.0]])
    queue = torch.tensor([[1.0, 0.0], [0.5, math.sqrt(0.75)], [0.0, 1.0]])
    same = torch.tensor([[True, True, False]])
    soft_temperature = 0.5 / math.log(3)  # so that the second entry has weight 1/3
    expected_row = torch.tensor([[3.0, 3.0, 1.0, 0.0]]) / 7
    assert_close(similarity_target(own, queue, same, soft_temperature), expected_row)
    assert_close(same_class_target(same), torch.tensor([[1.0, 1.0, 1.0, 0.0]]) / 3)
    assert_close(own_key_target(same), torch.tensor([[1.0, 0.0, 0.0, 0.0]]))


@pytest.mark.parametrize("soft_temperature", [0.001, 0.1, 1e6])
def test_class_absent_from_the_queue_gives_the_own_key(soft_temperature):
    keys = random_keys(4, batch=3, classes=2)
    same = keys.same_coarse
    same[1] = False
    for target in (similarity_target(keys.own, keys.queue, same, soft_temperature), same_class_target(same)):
        assert torch.equal(target[1], own_key_target(same)[1])
        assert torch.isfinite(target).all()


@pytest.mark.parametrize("soft_temperature", [0.001, 0.1])
def test_autocast_changes_nothing(soft_temperature):
    keys = random_keys(5, size=100)
    plain = similarity_target(keys.own, keys.queue, keys.same_coarse, soft_temperature)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = similarity_target(keys.own, keys.queue, keys.same_coarse, soft_temperature)
        assert (keys.own @ keys.queue.T).dtype == torch.bfloat16  # autocast is on indeed
    assert torch.equal(plain, cast)


def test_blend_leaves_its_argument_alone():
    target = same_class_target(torch.tensor([[True, False, True]]))
    before = target.clone()
    assert_close(blend(target, 0.25), torch.tensor([[10.0, 1.0, 0.0, 1.0]]) / 12)
    assert torch.equal(target, before)
    assert torch.equal(blend(target, 1.0), before)
    assert torch.equal(blend(target, 0.0), own_key_target(torch.zeros(1, 3)))
