import pytest
import target_oracle as oracle
from small_training import small_method
from target_oracle import expected, random_keys
from torch.testing import assert_close

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
