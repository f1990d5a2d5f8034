import pytest
import target_oracle as oracle
import torch
from small_training import small_method
from target_oracle import expected, random_keys


@pytest.mark.parametrize("seed", range(3))
def test_target_is_the_own_key(seed):
    method = small_method("selfcon")
    keys = random_keys(seed)
    assert torch.equal(method.target(keys).double(), expected(oracle.selfcon, keys))
    assert method.extra_head is None
    assert method.contrast_weight == 1
