import math
from dataclasses import replace

import pytest
import torch
from small_training import COARSE_CLASSES, small_parameters
from torch import nn
from torch.nn import functional as F

from maskcon.methods.ancor import angle_around_class
from maskcon.training.batches import Batch
from maskcon.training.learner import build_learner


def unit_rows(number, size, seed=0):
    return F.normalize(torch.randn(number, size, generator=torch.Generator().manual_seed(seed)), dim=1)


def learner_and_batch(queue_coarse, **loss):
    """A learner whose queue is full, and a batch of coarse classes 0, 1, 2, 0."""
    parameters = small_parameters("ancor", **loss)
    learner = build_learner(parameters, COARSE_CLASSES, torch.device("cpu"))
    learner.queue.keys.copy_(unit_rows(40, 8))
    learner.queue.coarse.copy_(queue_coarse)
    views = torch.rand(2, 4, 1, 16, 24, generator=torch.Generator().manual_seed(1))
    return learner, Batch(views[0], views[1], torch.tensor([0, 1, 2, 0])), unit_rows(4, 8, seed=2)


ALL_CLASSES = torch.arange(40) % COARSE_CLASSES


def test_a_row_along_its_class_direction_has_a_finite_angle():
    head = nn.Linear(2, 1)
    head.weight.data = torch.tensor([[3.0, 0.0]])
    assert torch.isfinite(angle_around_class(head, torch.tensor([[1.0, 0.0]]), torch.tensor([0]))).all()


@torch.no_grad()
def loss_by_hand(learner, batch, own_key, temperature, classifier_weight):
    """From the definition, one image and one key at a time."""
    _, projection = learner.query_network(batch.query_view)
    head, queue = learner.extra_head, learner.queue

    def turned(row, label):
        direction = head.weight[label]
        difference = row / row.norm() - direction / direction.norm()
        return difference / difference.norm()

    losses = []
    for v, key, label in zip(projection, own_key, batch.coarse, strict=True):
        query = turned(v, label)
        own = math.exp(float(query @ turned(key, label)) / temperature)
        others = 0.0
        for entry, entry_label in zip(queue.keys, queue.coarse, strict=True):
            if entry_label == label:
                others += math.exp(float(query @ turned(entry, label)) / temperature)
        logits = [sum(max(float(x), 0) * float(w) for x, w in zip(v, row, strict=True)) for row in head.weight]
        logits = [logit + float(bias) for logit, bias in zip(logits, head.bias, strict=True)]
        cross_entropy = math.log(sum(math.exp(logit) for logit in logits)) - logits[label]
        losses.append(-math.log(own / (own + others)) + classifier_weight * cross_entropy)
    return sum(losses) / len(losses)


@pytest.mark.parametrize("classifier_weight", [0.0, 1.0, 0.3])
def test_loss_against_its_definition(classifier_weight):
    learner, batch, own_key = learner_and_batch(ALL_CLASSES, temperature=0.2, classifier_weight=classifier_weight)
    expected = loss_by_hand(learner, batch, own_key, 0.2, classifier_weight)
    assert learner(batch, replace(learner.encode_keys(batch), own=own_key)).item() == pytest.approx(expected, rel=1e-5)


def test_keys_of_other_classes_have_no_effect():
    learner, batch, own_key = learner_and_batch(ALL_CLASSES)
    batch = replace(batch, coarse=torch.tensor([0, 1, 0, 1]))
    before = learner(batch, replace(learner.encode_keys(batch), own=own_key))
    learner.queue.keys[learner.queue.coarse == 2] = unit_rows(13, 8, seed=9)
    assert learner(batch, replace(learner.encode_keys(batch), own=own_key)).item() == before.item()
    learner.queue.keys[learner.queue.coarse == 1] = unit_rows(13, 8, seed=9)
    assert learner(batch, replace(learner.encode_keys(batch), own=own_key)).item() != before.item()


def test_absent_classes_leave_the_cross_entropy_alone():
    learner, batch, own_key = learner_and_batch(torch.full((40,), -1))
    _, projection = learner.query_network(batch.query_view)
    loss = learner(batch, replace(learner.encode_keys(batch), own=own_key))
    torch.testing.assert_close(loss, F.cross_entropy(learner.extra_head(projection.relu()), batch.coarse))
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in learner.query_network.parameters())


def test_cross_entropy_alone_trains_the_classifier():
    learner, batch, own_key = learner_and_batch(ALL_CLASSES, classifier_weight=1.0)
    learner(batch, replace(learner.encode_keys(batch), own=own_key)).backward()
    _, projection = learner.query_network(batch.query_view)
    cross_entropy = F.cross_entropy(learner.extra_head(projection.relu()), batch.coarse)
    (expected,) = torch.autograd.grad(cross_entropy, learner.extra_head.weight)
    torch.testing.assert_close(learner.extra_head.weight.grad, expected)
