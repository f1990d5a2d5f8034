from dataclasses import replace

import pytest
import torch
from target_oracle import random_keys
from torch.testing import assert_close

from maskcon.methods.parts.interface import build_method
from maskcon.training import mixed_images
from maskcon.training.batches import Batch, TwoViewBatches
from maskcon.training.loop import build_learner, renew_memory
from maskcon.training.mixed_images import mixed_contrast
from maskcon.training.step import unit
from maskcon.views.operations.crop import resized

CPU = torch.device("cpu")
MIXUP = {"weight": 0.3, "beta": 2.0}
NEGATIVES = {"margin": 0.2, "warmup_share": 0.1}
MASKED_ASCL = {"loss.mask_by_coarse": True}
OVER_OWN_AND_QUEUE = [
    ("maskcon", {"loss.w": 0.8}),
    ("grafit", {}),
    ("supcon", {}),
    ("selfcon", {}),
    ("coins", {}),
    ("ascl", MASKED_ASCL),
    ("potential", {}),
]


def learner_and_batch(parameters):
    learner = build_learner(parameters, 3, CPU)
    generator = torch.Generator().manual_seed(0)
    keys = unit(torch.randn(64, 8, generator=generator))
    learner.queue.enqueue(keys, torch.randint(3, (64,), generator=generator))
    views = torch.rand(2, 16, 1, 16, 24, generator=generator)
    return learner, Batch(views[0], views[1] ** 2, torch.randint(3, (16,), generator=generator), seed=5)


def keys_of(learner, batch, own_key, progress):
    queue = learner.queue
    return replace(
        random_keys(0),
        own=own_key,
        queue=queue.keys,
        own_coarse=batch.coarse,
        queue_coarse=queue.coarse,
        progress=progress,
    )


# Mixup


@pytest.mark.parametrize(("loss", "changes"), OVER_OWN_AND_QUEUE)
@pytest.mark.parametrize("theta", [0.0, 0.3, 1.0])
def test_mixed_contrast_is_over_both_images_keys_and_the_queue(monkeypatch, tiny_parameters, loss, changes, theta):
    """Row by row: two own keys and the queue, no other key of the batch; theta = 1 is the image's own target."""
    permuted = torch.arange(16).roll(3)
    monkeypatch.setattr(mixed_images, "draw_mixture", lambda *_: (theta, permuted))
    learner, batch = learner_and_batch(tiny_parameters({"loss.mixup": MIXUP} | changes, loss=loss))
    own_key = learner.encode_key_view(batch.key_view)[0]
    keys = keys_of(learner, batch, own_key, 0.5)
    target = learner.method.target(keys)

    mixed_view = theta * batch.query_view + (1 - theta) * batch.key_view[permuted]
    query = unit(learner.query_network(mixed_view)[1])
    total = 0.0
    for i in range(16):
        partner = int(permuted[i])
        seen = torch.cat([own_key[[i, partner]], learner.queue.keys])
        log_share = (seen @ query[i] / learner.temperature).log_softmax(dim=0)
        weights = torch.cat(
            [
                torch.stack([theta * target[i, 0], (1 - theta) * target[partner, 0]]),
                theta * target[i, 1:] + (1 - theta) * target[partner, 1:],
            ]
        )
        assert weights.sum().item() == pytest.approx(1, abs=1e-5)
        total -= (weights * log_share).sum()
    assert_close(mixed_contrast(learner, learner.method.mixup, batch, keys), total / 16, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("loss", "weight_of_contrast"), [("maskcon", 1.0), ("coins", 0.5)])
def test_mixup_takes_its_weight_from_the_contrast(tiny_parameters, loss, weight_of_contrast):
    losses = {}
    for weight in (0.0, 0.3, 1.0):
        changes = {"loss.mixup": MIXUP | {"weight": weight}}
        learner, batch = learner_and_batch(tiny_parameters(changes, loss=loss))
        losses[weight] = learner(batch, learner.encode_keys(batch))
    plain, batch = learner_and_batch(tiny_parameters(loss=loss))
    own_key = plain.encode_key_view(batch.key_view)[0]
    assert_close(losses[0.0], plain(batch, replace(plain.encode_keys(batch), own=own_key)))
    assert_close(losses[0.3], 0.7 * losses[0.0] + 0.3 * losses[1.0])
    keys = keys_of(plain, batch, own_key, 0.0)
    difference = mixed_contrast(learner, learner.method.mixup, batch, keys) - plain.contrast(
        unit(plain.query_network(batch.query_view)[1]), keys
    )
    assert difference.abs() > 0.1
    assert_close(losses[1.0] - losses[0.0], weight_of_contrast * difference, rtol=1e-4, atol=1e-5)


# Negatives


@pytest.mark.parametrize(("loss", "changes"), OVER_OWN_AND_QUEUE)
def test_negatives_keep_every_key_with_weight(tiny_parameters, loss, changes):
    method = build_method(tiny_parameters({"loss.negatives": NEGATIVES} | changes, loss=loss).loss)
    keys = replace(random_keys(0, classes=2), progress=0.5)
    target = method.target(keys)
    similarities = torch.rand(6, 10, generator=torch.Generator().manual_seed(1)) * 2 - 1
    kept = method.kept(similarities, keys)
    for i in range(6):
        negatives = [j for j in range(1, 10) if target[i, j] == 0]
        near = [j for j in negatives if abs(similarities[i, j] - similarities[i, 0]) <= 0.2] or negatives
        expected = [j == 0 or bool(target[i, j] > 0) or j in near for j in range(10)]
        assert kept[i].tolist() == expected
    assert not kept.all()
    assert method.kept(similarities, replace(keys, progress=0.0)).all()


def test_negatives_change_the_loss_as_if_those_left_out_were_not_in_the_queue(tiny_parameters):
    learner, batch = learner_and_batch(tiny_parameters({"loss.negatives": NEGATIVES}))
    own_key = learner.encode_key_view(batch.key_view)[0]
    noise = torch.randn(64, 8, generator=torch.Generator().manual_seed(2))
    learner.queue.enqueue(unit(own_key.repeat(4, 1) + 0.2 * noise), learner.queue.coarse.clone())  # some near, some not
    keys = keys_of(learner, batch, own_key, 0.5)
    query = unit(learner.query_network(batch.query_view)[1]).detach()
    similarities = torch.cat([(query * own_key).sum(dim=1, keepdim=True), query @ learner.queue.keys.T], dim=1)
    kept, target = learner.method.kept(similarities, keys), learner.method.target(keys)
    assert not kept.all()
    rows = [
        -(target[i, kept[i]] * (similarities[i, kept[i]] / learner.temperature).log_softmax(dim=0)).sum()
        for i in range(16)
    ]
    assert_close(
        learner(batch, replace(learner.encode_keys(batch, 0.5), own=own_key)).detach(),
        torch.stack(rows).mean(),
        rtol=1e-4,
        atol=1e-5,
    )


# Multi-crop


@pytest.mark.parametrize(("loss", "changes"), [("maskcon", {"loss.multi_crop": 2}), ("bucsfr", {})])
def test_memory_is_made_of_images_as_large_as_views(tiny_parameters, tiny_set, loss, changes):
    """Photos are stored larger than the views that are cut of them."""
    learner, _ = learner_and_batch(tiny_parameters(changes, loss=loss))
    images = torch.from_numpy(tiny_set.images[..., :1]).permute(0, 3, 1, 2).contiguous()
    stored = images.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)

    seen = []
    learner.query_network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    learner.key_network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))

    def cut(images, generator, stretch=None):
        return resized(images, (16, 24)) / 255

    batches = TwoViewBatches(stored, torch.arange(80) % 3, cut, cut, 16, 1, view_size=(16, 24))
    renew_memory(3, learner, batches)
    assert_close(torch.cat(seen), resized(stored, (16, 24)) / 255)


@pytest.mark.parametrize("loss", ["maskcon", "supcon", "grafit", "ascl", "wcl"])
def test_views_of_the_nearest_images_are_encoded(tiny_parameters, tiny_set, loss):
    """Neighbours of the epoch's start, their views drawn from the batch's seed."""
    parameters = tiny_parameters({"loss.multi_crop": 2}, loss=loss)
    learner, _ = learner_and_batch(parameters)
    images = torch.from_numpy(tiny_set.images[..., :1]).permute(0, 3, 1, 2).contiguous()
    coarse = torch.arange(80) % 3  # not what the images show, so that near images are often of another class

    def darker(images, generator, stretch=None):
        return images / 255 * torch.rand(1, generator=generator)

    batches = TwoViewBatches(images, coarse, darker, darker, 16, 1)
    renew_memory(1, learner, batches)
    nearest = learner.memory.nearest
    assert nearest.shape == (80, 2)
    same_class = (coarse[nearest] == coarse[:, None]).all()
    assert bool(same_class) is (loss in ("maskcon", "supcon", "grafit"))
    batch = next(batches.epoch(1))
    assert torch.equal(coarse[batch.places], batch.coarse)

    generator = batch.generator("nearest images")
    views = [darker(images[nearest[batch.places, n]], generator) for n in range(2)]
    encoded = learner.encode_nearest(batch)
    for n in range(2):
        assert torch.equal(encoded[n].places, nearest[batch.places, n])
        assert_close(encoded[n].projection, learner.query_network(views[n])[1])

    assert learner(batch, learner.encode_keys(batch) if learner.method.uses_keys else None).isfinite()
