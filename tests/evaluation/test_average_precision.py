import pytest
import torch

from maskcon.evaluation.retrieval.average_precision import average_precision_at_r


def by_definition(matches, r):
    """1/R of the sum over ranks up to R of the precision there, where the rank holds a match."""
    if r == 0:
        return 0.0
    total = 0.0
    for i in range(1, r + 1):
        if matches[i - 1]:
            total += sum(matches[:i]) / i
    return total / r


@pytest.mark.parametrize(
    ("matches", "r", "expected"),
    [
        ([1, 1, 1, 0], 3, 1.0),
        ([1, 0, 0, 1], 1, 1.0),
        ([1, 0, 1, 0], 2, 1 / 2),
        ([0, 1, 0, 0], 2, (1 / 2) / 2),
        ([0, 1, 1, 0], 3, (1 / 2 + 2 / 3) / 3),
        ([0, 0, 0, 1], 3, 0.0),  # a match beyond R counts for nothing
        ([0, 0, 0, 0], 0, 0.0),  # alone in its class: a miss
    ],
)
def test_by_hand(matches, r, expected):
    found = average_precision_at_r(torch.tensor([matches]).bool(), torch.tensor([r]))
    assert found.dtype == torch.float64
    assert found.item() == pytest.approx(expected, abs=1e-15)


def test_same_as_definition():
    generator = torch.Generator().manual_seed(0)
    matches = torch.rand(300, 25, generator=generator) < torch.rand(300, 1, generator=generator)
    relevant = torch.randint(0, 26, (300,), generator=generator)
    expected = [by_definition(row, r) for row, r in zip(matches.tolist(), relevant.tolist(), strict=True)]
    assert average_precision_at_r(matches, relevant).tolist() == pytest.approx(expected, abs=1e-14)


def test_too_few_neighbours():
    with pytest.raises(ValueError, match="3 neighbours are too few for R=4"):
        average_precision_at_r(torch.ones(2, 3).bool(), torch.tensor([1, 4]))
