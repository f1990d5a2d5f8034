import pytest
import target_oracle as oracle
from small_training import small_method
from target_oracle import expected, random_keys
from torch.testing import assert_close

METHOD = small_method("supcon")


@pytest.mark.parametrize("seed", range(3))
def test_target_equals_the_loops(seed):
    keys = random_keys(seed)
    assert_close(METHOD.target(keys).double(), expected(oracle.supcon, keys), rtol=0, atol=1e-7)
    assert METHOD.extra_head is None
    assert METHOD.contrast_weight == 1
