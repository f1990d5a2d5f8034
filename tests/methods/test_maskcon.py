import pytest
import target_oracle as oracle
import torch
from small_training import small_method
from target_oracle import expected, random_keys
from torch.testing import assert_close


def maskcon(w, soft_temperature):
    return small_method("maskcon", w=w, soft_temperature=soft_temperature)


@pytest.mark.parametrize("soft_temperature", [0.05, 0.1, 1.0])
@pytest.mark.parametrize("w", [0.0, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_target_equals_the_loops(seed, w, soft_temperature):
    keys = random_keys(seed)
    target = maskcon(w, soft_temperature).target(keys).double()
    assert_close(target, expected(oracle.maskcon_as_published, keys, w, soft_temperature), rtol=0, atol=2e-6)
    assert_close(target, expected(oracle.maskcon_closed_form, keys, w, soft_temperature), rtol=0, atol=2e-6)
    assert maskcon(w, soft_temperature).extra_head is None
    assert maskcon(w, soft_temperature).contrast_weight == 1


@pytest.mark.parametrize("soft_temperature", [0.001, 0.1, 1e6])
def test_w_zero_is_selfcon(soft_temperature):
    keys = random_keys(3)
    assert torch.equal(maskcon(0.0, soft_temperature).target(keys).double(), expected(oracle.selfcon, keys))


@pytest.mark.parametrize("w", [0.3, 0.8])
def test_soft_temperature_to_infinity_is_grafit(w):
    keys = random_keys(4)
    assert_close(maskcon(w, 1e6).target(keys).double(), expected(oracle.grafit, keys, w), rtol=0, atol=1e-6)
