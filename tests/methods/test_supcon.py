import pytest
import target_oracle as oracle
import torch
from small_training import small_method
from target_oracle import expected, random_keys
from torch.testing import assert_close

from maskcon.methods.parts.interface import Keys

METHOD = small_method("supcon")


@pytest.mark.parametrize("seed", range(3))
def test_target_equals_the_loops(seed):
    keys = random_keys(seed)
    assert_close(METHOD.target(keys).double(), expected(oracle.supcon, keys), rtol=0, atol=1e-7)
    assert METHOD.extra_head is None
    assert METHOD.contrast_weight == 1


def test_by_hand():
    """Labels alone count: the keys are all the same here."""
    point = torch.tensor([[1.0, 0.0]])
    keys = Keys(point.repeat(2, 1), point.repeat(4, 1), torch.tensor([1, 2]), torch.tensor([1, 0, 1, 1]))
    assert_close(METHOD.target(keys), torch.tensor([[0.25, 0.25, 0, 0.25, 0.25], [1.0, 0, 0, 0, 0]]))
