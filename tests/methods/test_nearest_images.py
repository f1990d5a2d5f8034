import pytest
import torch

from maskcon.methods.parts import nearest_images as module
from maskcon.methods.parts.nearest_images import nearest_images, nearest_within


def unit_rows(seed, rows):
    return torch.nn.functional.normalize(torch.randn(rows, 4, generator=torch.Generator().manual_seed(seed)), dim=1)


@pytest.mark.parametrize("chunk", [1, 4, 1024])
@pytest.mark.parametrize("number", [1, 3, 8])
def test_nearest_within_groups_equals_the_loops(monkeypatch, number, chunk):
    """Groups of 7, 6, 6 and 1 images: what a group has too few of is the image itself."""
    monkeypatch.setattr(module, "CHUNK", chunk)
    keys = unit_rows(0, 20)
    group = torch.tensor([0, 1, 2] * 6 + [0, 3])
    nearest = nearest_within(keys, group, number)
    assert nearest.shape == (20, number)
    for i in range(20):
        others = [j for j in range(20) if j != i and group[j] == group[i]]
        others.sort(key=lambda j: -float(keys[i] @ keys[j]))
        assert nearest[i].tolist() == (others + [i] * number)[:number]


@pytest.mark.parametrize("same_coarse", [False, True])
def test_memory_is_of_the_coarse_class_or_of_all_and_in_no_checkpoint(same_coarse):
    keys, coarse = unit_rows(1, 30), torch.arange(30) % 3
    kind = nearest_images(2, same_coarse)
    memory = kind.build(4, 3)
    kind.renew(memory, keys, coarse, 1, torch.Generator())
    group = coarse if same_coarse else torch.zeros(30, dtype=torch.int64)
    assert torch.equal(memory.nearest, nearest_within(keys, group, 2))
    assert bool((coarse[memory.nearest] == coarse[:, None]).all()) is same_coarse
    assert memory.state_dict() == {}
