import pytest
import torch

from maskcon.methods.parts.key_queue import KeyQueue


def numbered(first: int, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys [number, 2] and labels [number] that tell which they are."""
    numbers = torch.arange(first, first + number)
    return torch.stack([numbers, -numbers], dim=1).float(), numbers


@pytest.mark.parametrize("size", [1, 5, 12])
@pytest.mark.parametrize("seed", range(5))
def test_holds_the_most_recent_keys(seed, size):
    """Against a list to which keys are appended and whose last entries count."""
    queue = KeyQueue(size, 2)
    generator = torch.Generator().manual_seed(seed)
    everything = [-1] * size
    for _ in range(20):
        number = int(torch.randint(0, 2 * size + 3, (), generator=generator))
        keys, coarse = numbered(len(everything), number)
        queue.enqueue(keys, coarse)
        everything += coarse.tolist()

        position = int(queue.position)
        oldest_first = queue.coarse.roll(-position)
        assert oldest_first.tolist() == everything[-size:]
        filled = queue.coarse >= 0
        assert torch.equal(queue.keys[filled, 0], queue.coarse[filled].float())
        assert torch.equal(queue.keys[filled, 1], -queue.coarse[filled].float())


def test_all_state_is_in_the_state_dict():
    queue, other = KeyQueue(5, 2), KeyQueue(5, 2)
    queue.enqueue(*numbered(1, 8))
    other.load_state_dict(queue.state_dict())
    for both in (queue, other):
        both.enqueue(*numbered(100, 3))
    assert torch.equal(queue.keys, other.keys)
    assert torch.equal(queue.coarse, other.coarse)
    assert int(queue.position) == int(other.position)


def test_keys_are_taken_without_gradient_and_as_float32():
    queue = KeyQueue(4, 2)
    keys = torch.ones(2, 2, dtype=torch.bfloat16, requires_grad=True)
    queue.enqueue(keys * 2, torch.tensor([0, 1]))
    assert queue.keys.dtype == torch.float32
    assert not queue.keys.requires_grad
    assert queue.keys[:2].tolist() == [[2, 2], [2, 2]]
