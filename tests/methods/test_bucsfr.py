import math
from dataclasses import replace

import pytest
import torch
from small_training import COARSE_CLASSES, small_method, small_parameters
from torch.nn import functional as F

from maskcon.methods.bucsfr import draw, drawn_keys, drawn_target
from maskcon.methods.parts.clusters import Clusters
from maskcon.methods.parts.interface import Keys
from maskcon.methods.parts.targets import own_key_target
from maskcon.training.batches import Batch
from maskcon.training.learner import build_learner

TEMPERATURE = 0.3  # of the clusters: high enough that probabilities lie between 0 and 1


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def unit_rows(number, size, seed=0):
    return F.normalize(torch.randn(number, size, generator=generator(seed)), dim=1)


def clusters_of_two_classes():
    """Class 0: three clusters; class 1: two, with a gap between them; class 2: none."""
    clusters = Clusters(coarse_classes=3, most=3, projection_size=4)
    clusters.exists.copy_(torch.tensor([[True, True, True], [True, False, True], [False, False, False]]))
    clusters.centroids.copy_(unit_rows(9, 4, seed=5).view(3, 3, 4) * clusters.exists[:, :, None])
    return clusters


def keys_of(clusters, seed=0, temperature=TEMPERATURE):
    """Six images of classes 0 and 1, a queue of 20 of classes 0 to 2, and what is drawn for them."""
    own_coarse, queue_coarse = torch.tensor([0, 0, 0, 1, 1, 1]), torch.arange(20) % 3
    keys = Keys(unit_rows(6, 4, 1), unit_rows(20, 4, 2), own_coarse, queue_coarse, 0.5, generator(seed), clusters)
    return replace(keys, draw=lambda keys: draw(keys, temperature))


def shares_by_loops(keys, clusters, temperature):
    """t_ji of the docstring, in float64."""
    existing = [
        (c, clusters.centroids[c, m].double())
        for c in range(len(clusters.exists))
        for m in range(clusters.exists.shape[1])
        if clusters.exists[c, m]
    ]
    share = torch.zeros(len(keys.own), len(keys.queue), dtype=torch.float64)
    for i, (key, label) in enumerate(zip(keys.own.double(), keys.own_coarse, strict=True)):
        mine = [number for number, (c, _) in enumerate(existing) if c == label]
        nearest = max(mine, key=lambda number: float(key @ existing[number][1]))
        for j, entry in enumerate(keys.queue.double()):
            heights = [math.exp(float(entry @ centroid) / temperature) for _, centroid in existing]
            share[i, j] = heights[nearest] / sum(heights)
    return share


# --- drawing


def test_frequencies_are_the_probabilities():
    clusters = clusters_of_two_classes()
    draws = 2000
    drawn = [keys_of(clusters, seed).drawn for seed in range(draws)]
    positive, negative = (torch.stack(kind).double().mean(dim=0) for kind in zip(*drawn, strict=True))
    keys = keys_of(clusters)
    share = shares_by_loops(keys, clusters, TEMPERATURE)
    for frequency, weight in ((positive, share), (negative, 1 - share)):
        for i in range(6):
            same = keys.same_coarse[i]
            assert frequency[i][~same].max() == 0
            probability = weight[i][same] / weight[i][same].max()
            error = (
                4.5 * (probability * (1 - probability) / draws).sqrt() + 1e-6
            )  # of 240 frequencies none is so far off
            assert ((frequency[i][same] - probability).abs() <= error).all()
            assert frequency[i][same].max() == 1


def test_positives_and_negatives_are_drawn_independently():
    """At probability near 1/2 each, both together near 1/4: never by one draw for both."""
    clusters = clusters_of_two_classes()
    drawn = [keys_of(clusters, seed).drawn for seed in range(1000)]
    positive, negative = (torch.stack(kind).double() for kind in zip(*drawn, strict=True))
    together, apart = (positive * negative).mean(dim=0), positive.mean(dim=0) * negative.mean(dim=0)
    assert (together - apart).abs().max() < 0.08
    assert ((apart > 0.1) & (apart < 0.6)).any()


def test_an_entry_is_left_out_where_it_is_neither():
    keys = keys_of(clusters_of_two_classes())
    positive, negative = keys.drawn
    assert torch.equal(drawn_keys(keys)[:, 1:][keys.same_coarse], (positive | negative)[keys.same_coarse])


# --- target


def test_without_clusters_it_is_selfcon():
    keys = keys_of(Clusters(3, 3, 4))
    assert torch.equal(drawn_target(keys, 0.1), own_key_target(keys.same_coarse))
    assert drawn_keys(keys).all()


def test_loss_against_its_definition():
    """0.7 contrast over what is kept + 0.3 cross-entropy of the features' classifier, one key at a time."""
    parameters = small_parameters("bucsfr", w=0.3, temperature=0.2, cluster_temperature=TEMPERATURE, clusters=4)
    learner = build_learner(parameters, COARSE_CLASSES, torch.device("cpu"))
    coarse = torch.arange(60) % COARSE_CLASSES
    learner.queue.enqueue(unit_rows(40, 8, 3), coarse[:40])
    learner.memory.renew(unit_rows(60, 8, 4), coarse, 1.2, generator())
    views = torch.rand(2, 4, 1, 16, 24, generator=generator(6))
    batch, own_key = Batch(views[0], views[1], torch.tensor([0, 1, 2, 0])), unit_rows(4, 8, 5)
    found = learner(batch, replace(learner.encode_keys(batch), own=own_key))

    draws = batch.generator("target")
    keys = Keys(own_key, learner.queue.keys, batch.coarse, learner.queue.coarse, 0.0, draws, learner.memory)
    keys = replace(keys, draw=lambda keys: draw(keys, TEMPERATURE))
    target, kept = drawn_target(keys, parameters.loss.soft_temperature), drawn_keys(keys)
    features, projection = learner.query_network(batch.query_view)
    losses = []
    for i, query in enumerate(F.normalize(projection, dim=1).detach()):
        candidates = [own_key[i], *learner.queue.keys]
        heights = [math.exp(float(query @ key) / 0.2) for key in candidates]
        whole = sum(height for height, keep in zip(heights, kept[i], strict=True) if keep)
        contrast = -sum(float(z) * math.log(h / whole) for z, h in zip(target[i], heights, strict=True) if z > 0)
        logits = learner.extra_head(features[i]).tolist()
        cross_entropy = math.log(sum(math.exp(logit) for logit in logits)) - logits[batch.coarse[i]]
        losses.append(0.7 * contrast + 0.3 * cross_entropy)
    assert found.item() == pytest.approx(sum(losses) / 4, rel=1e-4)


# --- clusters


def test_renewal_finds_blobs_and_merges_one_pair_at_a_time():
    """Two blobs a class, six clusters wanted: one less after each renewal, until each blob is one."""
    directions = torch.eye(16)[:4]
    fine = torch.arange(160) % 4
    keys = F.normalize(directions[fine] + 0.03 * torch.randn(160, 16, generator=generator()), dim=1)
    clusters = Clusters(coarse_classes=2, most=6, projection_size=16)
    wanted = []
    for epoch in range(8):
        clusters.renew(keys, fine // 2, 4.0, generator(epoch))
        wanted.append(clusters.wanted.tolist())
        torch.testing.assert_close(clusters.centroids.norm(dim=2), clusters.exists.float())
        assert clusters.exists.sum(dim=1).tolist() == wanted[-1]
    assert wanted == [[left, left] for left in (5, 4, 3, 2, 2, 2, 2, 2)]
    for coarse in range(2):
        nearest = directions[2 * coarse : 2 * coarse + 2] @ clusters.centroids[coarse][clusters.exists[coarse]].T
        assert nearest.amax(dim=1).min() > 0.99


def test_fewer_images_than_clusters_and_a_class_without_images():
    clusters = Clusters(coarse_classes=3, most=10, projection_size=4)
    coarse = torch.tensor([0] * 4 + [2])
    clusters.renew(unit_rows(5, 4), coarse, 1e-3, generator())
    assert clusters.exists.sum(dim=1).tolist() == [4, 0, 1]


def test_clusters_are_first_made_after_the_warm_up():
    assert small_method("bucsfr", warmup_epochs=2).memory.first_epoch == 3
