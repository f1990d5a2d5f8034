"""Two processes that share each batch come to what one process does on the whole of it."""

import pytest
import torch
from torch.testing import assert_close

from maskcon.parameters.model import check_parameters
from maskcon.training.learner import build_learner
from maskcon.training.processes import ALONE
from tests.training.shared_steps import CASES, CPU, batch_norm_of, double_precision, in_processes, steps, views_and_keys

DOUBLES = {"rtol": 1e-7, "atol": 1e-10}


@pytest.fixture(autouse=True, scope="module")
def _double_precision():
    with double_precision():
        yield


@pytest.fixture(scope="module")
def alone():
    return {case: steps(case) for case in CASES}


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """What each of two processes found."""
    folder = tmp_path_factory.mktemp("processes")
    in_processes(2, folder)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("case", CASES)
def test_loss_gradients_queue_and_weights_are_those_of_one_process(case, alone, together):
    one, several = alone[case], together[0][case]
    first, last = one["steps"]
    assert first["loss"] != last["loss"]
    assert all(gradient.abs().max() > 0 for gradient in last["gradients"].values())
    for expected, found in zip(one["steps"], several["steps"], strict=True):
        assert_close(found, expected, **DOUBLES)
    assert_close(several["state"], one["state"], **DOUBLES)
    assert_close(several["memory"], one["memory"], **DOUBLES)
    assert_close(together[1][case], several, rtol=0, atol=0)  # the same bits in both


def test_batch_norm_is_that_of_the_joined_batch_forward_and_backward(together):
    for found in together:
        assert_close(found["batch norm"], batch_norm_of(ALONE), **DOUBLES)


@pytest.mark.parametrize("family", ["characters", "small_colour", "photo"])
def test_views_do_not_depend_on_the_number_of_processes(family, together):
    for found in together:
        assert_close(found["shuffled"][family], views_and_keys(ALONE)[family], rtol=0, atol=1e-6)


def test_shuffled_keys_are_encoded_in_consecutive_groups(together, tiny_parameters):
    """Each process normalises so many keys in a row, while its queries are every N-th image of the batch."""
    learner = build_learner(check_parameters(tiny_parameters().model_dump()), 3, CPU)
    view = torch.rand(16, 1, 16, 24, generator=torch.Generator())
    groups = view.chunk(len(together))
    expected = torch.cat([learner.encode_key_view(group)[0] for group in groups])
    for found in together:
        assert_close(found["shuffled"]["keys"], expected, **DOUBLES)
