import pytest
import torch

from maskcon.evaluation.retrieval.recall import hit_at, rank_of_first_match


def test_rank_of_first_match_by_hand():
    matches = torch.tensor([[1, 0, 0], [0, 1, 1], [0, 0, 1], [0, 0, 0]]).bool()
    assert rank_of_first_match(matches).tolist() == [1, 2, 3, 0]


def test_hits_by_hand():
    rank = torch.tensor([1, 2, 3, 0])
    assert hit_at(rank, 1).tolist() == [True, False, False, False]
    assert hit_at(rank, 2).tolist() == [True, True, False, False]
    assert hit_at(rank, 100).tolist() == [True, True, True, False]


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_hits_are_any_match_among_the_first_k(share):
    matches = torch.rand(200, 30, generator=torch.Generator().manual_seed(0)) < share
    rank = rank_of_first_match(matches)
    for k in range(1, 31):
        assert hit_at(rank, k).tolist() == [any(row[:k]) for row in matches.tolist()]
