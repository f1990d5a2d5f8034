import pytest
import torch

from maskcon.training import batches as batches_module
from maskcon.training.batches import TwoViewBatches
from maskcon.views.operations.families import view_maker


def as_it_is(images, generator, stretch=None):
    return images / 255


def tagged(number, batch_size, seed=0, view=as_it_is):
    """Images whose every pixel tells their number, which also determines their label."""
    numbers = torch.arange(number)
    images = numbers.byte().view(-1, 1, 1, 1).expand(number, 1, 8, 8).contiguous()
    return TwoViewBatches(images, numbers * 3 + 1, view, view, batch_size, seed)


def tags(views):
    numbers = (views * 255).round().long()
    assert (numbers == numbers[:, :, :1, :1]).all()
    return numbers[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("block", [1, 50, 4096])
@pytest.mark.parametrize(("number", "batch_size"), [(200, 7), (5, 5)])
def test_every_epoch_is_a_permutation_of_which_whole_batches_are_taken(monkeypatch, number, batch_size, block):
    monkeypatch.setattr(batches_module, "BLOCK", block)
    batches = tagged(number, batch_size)
    orders = []
    for epoch in (1, 2, "queue 0"):
        seen = []
        for batch in batches.epoch(epoch):
            assert len(batch.query_view) == len(batch.key_view) == len(batch.coarse) == batch_size
            assert tags(batch.query_view) == tags(batch.key_view)
            assert batch.coarse.tolist() == [3 * tag + 1 for tag in tags(batch.query_view)]
            seen += tags(batch.query_view)
        assert len(seen) == len(set(seen)) == len(batches) * batch_size == number // batch_size * batch_size
        orders.append(seen)
    assert len({tuple(order) for order in orders}) == 3


def test_fewer_images_than_a_batch_are_no_batch():
    batches = tagged(3, 4, view=view_maker("characters", "strong"))
    assert len(batches) == 0
    assert list(batches.epoch(1)) == []


@pytest.mark.parametrize(("limit", "value"), [("BLOCK", 40), ("BLOCK_PIXELS", 40 * 8 * 8)])  # the images have 8 x 8
def test_views_of_a_block_are_made_together_and_blocks_of_large_images_are_smaller(monkeypatch, limit, value):
    monkeypatch.setattr(batches_module, limit, value)
    sizes = []

    def counting(images, generator, stretch):
        sizes.append(len(images))
        return as_it_is(images, generator)

    list(tagged(100, 16, view=counting).epoch(1))
    assert sizes == [32, 32, 32, 32, 32, 32]  # 6 batches in blocks of 2, both views


def test_each_image_comes_with_its_stretch():
    seen = []

    def pairing(images, generator, stretch):
        seen.extend(zip(images[:, 0, 0, 0].tolist(), stretch.tolist(), strict=True))
        return as_it_is(images, generator)

    batches = tagged(100, 16, view=pairing)
    batches.stretch = torch.arange(100, dtype=torch.float64) + 0.5
    list(batches.epoch(1))
    assert len(seen) == 2 * 96
    assert all(stretch == number + 0.5 for number, stretch in seen)


def content(batches, epoch):
    return torch.cat([torch.stack([batch.query_view, batch.key_view]) for batch in batches.epoch(epoch)], dim=1)


def test_order_and_views_depend_on_seed_and_epoch_alone():
    def made(seed=0):
        return tagged(100, 16, seed, view=view_maker("characters", "strong"))

    first = content(made(), 5)
    torch.rand(7)
    later = made()
    for epoch in (1, "queue 0", 4):
        next(later.epoch(epoch))  # even an epoch left half-way
    assert torch.equal(first, content(later, 5))
    assert not torch.equal(first, content(later, 6))
    assert not torch.equal(first, content(made(seed=1), 5))


@pytest.mark.parametrize("first_batch", [1, 2])
def test_an_epoch_entered_half_way_goes_on_as_it_would_have(monkeypatch, first_batch):
    """Blocks that lie before the first batch are never augmented."""
    monkeypatch.setattr(batches_module, "BLOCK", 40)  # 6 batches of 16 in blocks of 2
    strong, sizes = view_maker("characters", "strong"), []

    def counting(images, generator, stretch):
        sizes.append(len(images))
        return strong(images, generator)

    whole = list(tagged(100, 16, view=strong).epoch(3))
    part = list(tagged(100, 16, view=counting).epoch(3, first_batch=first_batch))
    assert len(part) == 6 - first_batch
    assert sizes == [32, 32] * (3 - first_batch // 2)
    for one, other in zip(part, whole[first_batch:], strict=True):
        assert torch.equal(one.query_view, other.query_view)
        assert torch.equal(one.key_view, other.key_view)
        assert torch.equal(one.places, other.places)
        assert one.seed == other.seed


def test_views_of_blocks_epochs_and_sides_are_drawn_apart(monkeypatch):
    """One image, many times: no two views alike, whether query or key, in whichever block."""
    monkeypatch.setattr(batches_module, "BLOCK", 16)
    image = torch.randint(256, (1, 1, 8, 8), generator=torch.Generator().manual_seed(0)).byte()
    view = view_maker("characters", "strong")
    batches = TwoViewBatches(image.repeat(64, 1, 1, 1), torch.zeros(64).long(), view, view, 16, 0)
    views = torch.cat([content(batches, 1), content(batches, 2)]).flatten(0, 1).flatten(1)
    assert len(views.unique(dim=0)) == 4 * 64
