import copy
import math

import pytest
import torch
from small_training import small_parameters
from torch.nn import functional as F
from torch.testing import assert_close

from maskcon.methods import wcl
from maskcon.methods.parts.graph_contrast import instance_loss, supervised_contrast, weak_classes
from maskcon.methods.parts.interface import NearestView, Scene
from maskcon.methods.wcl import graph_loss, wcl_loss
from maskcon.training.batches import Batch
from maskcon.training.learner import build_learner
from maskcon.training.loop import fill_queue
from maskcon.training.step import training_step

CPU = torch.device("cpu")


def values(**changes):
    return small_parameters("wcl", **changes).loss


def vectors(seed, rows=12, dimensions=5):
    return torch.randn(rows, dimensions, generator=torch.Generator().manual_seed(seed)).double()


def unit(rows):
    return F.normalize(rows, dim=1)


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def share_of(anchor, others, temperature):
    """Softmax of an anchor over others, as a list."""
    powers = [math.exp(dot(anchor, other) / temperature) for other in others]
    return [power / sum(powers) for power in powers]


# The instance loss


@pytest.mark.parametrize("temperature", [0.1, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_instance_loss_equals_the_loops(seed, temperature):
    one, other = vectors(seed, 4), vectors(seed + 10, 4)
    views = unit(torch.cat([one, other])).tolist()
    total = 0.0
    for i in range(8):
        rest = [j for j in range(8) if j != i]
        share = dict(zip(rest, share_of(views[i], [views[j] for j in rest], temperature), strict=True))
        total -= math.log(share[(i + 4) % 8])
    assert instance_loss(one, other, temperature).item() == pytest.approx(total / 8)


def connected_in_loops(embeddings, coarse):
    """Components of the graph of nearest neighbours by spreading labels; coarse None: edges join any two images."""
    number = len(embeddings)
    label = list(range(number))
    edges = []
    for i in range(number):
        others = [j for j in range(number) if j != i and (coarse is None or coarse[j] == coarse[i])]
        if others:
            edges.append((i, max(others, key=lambda j: dot(embeddings[i], embeddings[j]))))
    for _ in range(number):
        for i, j in edges:
            label[i] = label[j] = min(label[i], label[j])
    return [[a == b for b in label] for a in label]


@pytest.mark.parametrize("classes", [None, 1, 3])
def test_graph_equals_the_loops_and_each_row_has_a_positive(classes):
    for seed in range(10):
        embeddings = unit(vectors(seed, 20))
        coarse = None if classes is None else torch.arange(20) % classes
        allowed = torch.ones(20, 20, dtype=torch.bool) if coarse is None else coarse[:, None] == coarse[None, :]
        same = weak_classes(embeddings, allowed)
        assert same.tolist() == connected_in_loops(embeddings.tolist(), None if coarse is None else coarse.tolist())
        assert (same.sum(dim=1) >= 2).all()
        assert same.diagonal().all()
        assert not (same & ~allowed).any()


def contrast_in_loops(anchors, others, positive, compared, temperature):
    losses = []
    for i, anchor in enumerate(anchors):
        places = [j for j in range(len(others)) if compared[i][j]]
        share = dict(zip(places, share_of(anchor, [others[j] for j in places], temperature), strict=True))
        positives = [j for j in places if positive[i][j]]
        if positives:
            losses.append(-sum(math.log(share[j]) for j in positives) / len(positives))
    return sum(losses) / len(losses) if losses else 0.0


def test_anchors_without_positives_are_left_out_and_never_nan():
    anchors = unit(vectors(0, 4)).requires_grad_()
    itself = torch.eye(4, dtype=torch.bool)
    positive = torch.zeros(4, 4, dtype=torch.bool)
    positive[0, 1] = positive[1, 0] = True
    some = supervised_contrast(anchors, anchors, positive, ~itself, 0.1)
    of_two = supervised_contrast(anchors[:2], anchors, positive[:2], ~itself[:2], 0.1)
    assert_close(some, of_two)
    none = supervised_contrast(anchors, anchors, torch.zeros_like(positive), ~itself, 0.1)
    assert none.item() == 0
    (some + none).backward()
    assert anchors.grad.isfinite().all()
    assert anchors.grad.any()


# The graph loss


def graph_loss_in_loops(one, other, coarse, temperature, nearest=()):
    """nearest: list of (rows of bools, embeddings)."""
    number = len(one)
    connected = {"one": connected_in_loops(one, coarse), "other": connected_in_loops(other, coarse)}

    def without_itself(rows):
        return [[rows[i][j] and i != j for j in range(number)] for i in range(number)]

    compared = [[i != j for j in range(number)] for i in range(number)]
    swapped = contrast_in_loops(one, one, without_itself(connected["other"]), compared, temperature)
    swapped += contrast_in_loops(other, other, without_itself(connected["one"]), compared, temperature)
    losses = [swapped / 2]
    everything = [[True] * number] * number
    for also, view in nearest:
        total = 0.0
        for keys, graph in ((one, connected["other"]), (other, connected["one"])):
            positive = [[graph[i][j] or also[i][j] for j in range(number)] for i in range(number)]
            total += contrast_in_loops(view, keys, positive, everything, temperature)
        losses.append(total / 2)
    return sum(losses) / len(losses)


@pytest.mark.parametrize("nearest_images", [0, 1, 2])
@pytest.mark.parametrize("classes", [None, 4])
def test_graph_loss_equals_the_loops(classes, nearest_images):
    for seed in range(3):
        one, other = vectors(seed), vectors(seed + 10)
        coarse = None if classes is None else torch.arange(12) % classes
        allowed = torch.ones(12, 12, dtype=torch.bool) if coarse is None else coarse[:, None] == coarse[None, :]
        nearest = [
            (torch.rand(12, 12, generator=torch.Generator().manual_seed(seed)) < 0.1, vectors(seed + 20 + n))
            for n in range(nearest_images)
        ]
        oracle = graph_loss_in_loops(
            unit(one).tolist(),
            unit(other).tolist(),
            None if coarse is None else coarse.tolist(),
            0.2,
            [(also.tolist(), unit(view).tolist()) for also, view in nearest],
        )
        assert graph_loss(one, other, allowed, 0.2, nearest).item() == pytest.approx(oracle)


# The method


def scene(nearest=()):
    return Scene(
        features=vectors(0).float(),
        projection=vectors(1).float(),
        coarse=torch.arange(12) % 3,
        encode_other_view=lambda: (vectors(2).float(), vectors(3).float()),
        places=torch.arange(12) + 30,
        nearest=nearest,
    )


@pytest.mark.parametrize("graph_weight", [0.0, 0.7])
@pytest.mark.parametrize("mask_by_coarse", [False, True])
def test_loss_is_instance_and_graph_loss(mask_by_coarse, graph_weight):
    loss = values(mask_by_coarse=mask_by_coarse, graph_weight=graph_weight, temperature=0.2)
    head = torch.nn.Linear(5, 3)
    coarse = scene().coarse
    allowed = coarse[:, None] == coarse[None, :] if mask_by_coarse else torch.ones(12, 12, dtype=torch.bool)
    instance = instance_loss(vectors(1).float(), vectors(3).float(), 0.2)
    graph = graph_loss(head(vectors(0).float()), head(vectors(2).float()), allowed, 0.2)
    assert_close(wcl_loss(head, scene(), loss), instance + graph_weight * graph)


def test_nearest_image_that_is_in_the_batch_is_a_positive(monkeypatch):
    """Places 30 to 41 are the batch: the views of places 33 and 41 are to recognise rows 3 and 11."""
    given = []
    monkeypatch.setattr(wcl, "graph_loss", lambda *arguments: given.append(arguments[-1]) or torch.zeros(()))
    places = torch.tensor([99, 33, *[5] * 9, 41])
    wcl_loss(torch.nn.Linear(5, 3), scene([NearestView(places, vectors(4).float(), vectors(5).float())]), values())
    ((also_positive, view),) = given[0]
    assert also_positive.nonzero().tolist() == [[1, 3], [11, 11]]
    assert view.shape == (12, 3)


def learner_and_batch(parameters):
    learner = build_learner(parameters, 3, CPU)
    views = torch.rand(2, 16, 1, 16, 24, generator=torch.Generator().manual_seed(0))
    return learner, Batch(views[0], views[1] ** 2, torch.arange(16) % 3)


def test_step_neither_encodes_nor_keeps_keys(tiny_parameters):
    learner, batch = learner_and_batch(tiny_parameters(loss="wcl"))
    fill_queue(learner, None)
    queue = copy.deepcopy(learner.queue.state_dict())
    optimizer = torch.optim.SGD(learner.trained_parameters(), lr=0.1)
    training_step(learner, optimizer, batch)
    assert all(torch.equal(value, queue[name]) for name, value in learner.queue.state_dict().items())
    assert int(learner.key_network.encoder.backbone[1].num_batches_tracked) == 0
    assert int(learner.query_network.encoder.backbone[1].num_batches_tracked) == 2  # both views


@pytest.mark.parametrize("mask_by_coarse", [False, True])
def test_both_views_and_both_heads_are_trained(tiny_parameters, mask_by_coarse):
    learner, batch = learner_and_batch(tiny_parameters({"loss.mask_by_coarse": mask_by_coarse}, loss="wcl"))
    batch.query_view.requires_grad_()
    batch.key_view.requires_grad_()
    learner(batch, None).backward()
    assert batch.query_view.grad.any()
    assert batch.key_view.grad.any()
    for network in (learner.query_network, learner.extra_head):
        assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in network.parameters())
