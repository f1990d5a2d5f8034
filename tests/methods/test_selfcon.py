import pytest
import target_oracle as oracle
import torch
from target_oracle import expected, random_keys

from maskcon.methods.selfcon import build
from maskcon.parameters.model import SelfConParameters


@pytest.mark.parametrize("seed", range(3))
def test_target_is_the_own_key(seed):
    method = build(
        SelfConParameters(
            name="selfcon", temperature=0.1, w=None, soft_temperature=None, mixup=None, negatives=None, multi_crop=None
        )
    )
    keys = random_keys(seed)
    assert torch.equal(method.target(keys).double(), expected(oracle.selfcon, keys))
    assert method.extra_head is None
    assert method.contrast_weight == 1
