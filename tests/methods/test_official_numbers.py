"""Our losses beside numbers that the methods' official codes gave for the same embeddings.

official/NAME.json holds the numbers, and names the code that gave them. Nothing of that code is here. An image of these
tests is its own features and projection side by side, so that a whole step's loss is compared, and its gradient with
respect to both: one norm for each image.
"""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small_training import small_parameters
from torch import Tensor, nn
from torch.nn import functional as F
from torch.testing import assert_close

from maskcon.methods.bucsfr import drawn_target, up_to_one
from maskcon.methods.parts.clusters import Clusters, merge_nearest_pair
from maskcon.methods.parts.interface import Keys, build_method
from maskcon.methods.parts.key_queue import KeyQueue
from maskcon.training.batches import Batch
from maskcon.training.learner import ContrastiveLearner

OFFICIAL = Path(__file__).parent / "official"
CASES = [
    pytest.param(file.stem, case, id=f"{file.stem} {number}")
    for file in sorted(OFFICIAL.glob("*.json"))
    for number, case in enumerate(json.loads(file.read_text())["cases"])
    if "loss" in case
]
QUEUE, PROJECTION, FEATURES, COARSE_CLASSES, CLUSTERS = 24, 8, 10, 3, 2
HEADS = {"ancor": (30, COARSE_CLASSES, PROJECTION), "wcl": (40, PROJECTION, FEATURES)}  # seed and size of the layer


def rows(seed: int, number: int, size: int) -> Tensor:
    """float32 [number, size] between -1 and 1: the same with every version of every library."""
    values = np.sin((1000.0 * seed + np.arange(number * size)) ** 2)
    return torch.from_numpy(values.reshape(number, size).astype(np.float32))


def unit_rows(seed: int, number: int, size: int) -> Tensor:
    return F.normalize(rows(seed, number, size), dim=1)


def made_inputs(batch: int = 6, clusters: str | None = None) -> SimpleNamespace:
    """What the official codes were given, too."""
    made = SimpleNamespace(
        query_view=torch.cat([rows(1, batch, FEATURES), rows(2, batch, PROJECTION)], dim=1).requires_grad_(),
        own=unit_rows(5, batch, PROJECTION),
        queue=unit_rows(6, QUEUE, PROJECTION),
        coarse=torch.arange(batch) % COARSE_CLASSES,
        queue_coarse=torch.arange(QUEUE) % COARSE_CLASSES,
    )
    if clusters == "far apart":  # along an axis each, two for each coarse class, with the keys around them
        made.centroids = torch.eye(COARSE_CLASSES * CLUSTERS, PROJECTION)
        for name in ("own", "queue"):
            keys = getattr(made, name)
            place = torch.arange(len(keys))
            place = place % COARSE_CLASSES * CLUSTERS + place // COARSE_CLASSES % CLUSTERS
            setattr(made, name, F.normalize(made.centroids[place] + 0.2 * keys, dim=1))
    elif clusters == "anywhere":
        made.centroids = unit_rows(50, COARSE_CLASSES * CLUSTERS, PROJECTION)
    made.key_view = torch.cat([rows(3, batch, FEATURES), made.own], dim=1).requires_grad_()
    return made


class GivenEmbeddings(nn.Module):
    """The image is its features and its projection."""

    encoder = SimpleNamespace(feature_size=FEATURES)

    def forward(self, view: Tensor) -> tuple[Tensor, Tensor]:
        return view[:, :FEATURES], view[:, FEATURES:]


def learner_of(name: str, case: dict, made: SimpleNamespace) -> ContrastiveLearner:
    loss = small_parameters(name, **case["values"]).loss
    queue = KeyQueue(QUEUE, PROJECTION)
    queue.enqueue(made.queue, made.queue_coarse)
    learner = ContrastiveLearner(
        GivenEmbeddings(), queue, build_method(loss), COARSE_CLASSES, loss.temperature, 0.99, torch.float32
    )
    if learner.extra_head is not None:
        seed, outputs, inputs = HEADS.get(name, (20, COARSE_CLASSES, FEATURES))
        learner.extra_head = nn.Linear(inputs, outputs)
        learner.extra_head.weight.data = rows(seed, outputs, inputs)
        learner.extra_head.bias.data = rows(seed + 1, 1, outputs)[0]
    if case.get("clusters") == "far apart":
        learner.memory = clusters_at(made.centroids)
    return learner


def clusters_at(centroids: Tensor) -> Clusters:
    clusters = Clusters(COARSE_CLASSES, CLUSTERS, PROJECTION)
    clusters.centroids.copy_(centroids.view(COARSE_CLASSES, CLUSTERS, PROJECTION))
    clusters.exists.fill_(True)
    return clusters


def close(ours: Tensor, official: list | float) -> None:
    assert_close(ours, torch.tensor(official), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(("name", "case"), CASES)
def test_loss_target_and_gradient(name, case):
    made = made_inputs(len(case["gradient_norms"]), case.get("clusters"))
    learner = learner_of(name, case, made)
    batch = Batch(made.query_view, made.key_view, made.coarse)
    keys = learner.encode_keys(batch) if learner.method.uses_keys else None
    loss = learner(batch, keys)
    loss.backward()
    close(loss, case["loss"])
    close(made.query_view.grad.norm(dim=1), case["gradient_norms"])
    if "target" in case:
        close(learner.method.target(keys), case["target"])
    if "other_gradient_norms" in case:
        close(made.key_view.grad.norm(dim=1), case["other_gradient_norms"])
    if "classifier_gradient_norms" in case:
        close(learner.extra_head.weight.grad.norm(dim=1), case["classifier_gradient_norms"])


def bucsfr_case(clusters: str) -> dict:
    cases = json.loads((OFFICIAL / "bucsfr.json").read_text())["cases"]
    return next(case for case in cases if case["clusters"].startswith(clusters))


def test_bucsfr_draws_with_the_official_probabilities():
    case, made = bucsfr_case("anywhere"), made_inputs(clusters="anywhere")
    keys = Keys(made.own, made.queue, made.coarse, made.queue_coarse)
    share = clusters_at(made.centroids).share(keys, case["values"]["cluster_temperature"])
    for probability, official in ((share, "positive_probability"), (1 - share, "negative_probability")):
        within = up_to_one(probability.masked_fill(~keys.same_coarse, 0))[keys.same_coarse]
        close(within.view(len(made.own), -1), case[official])


def test_bucsfr_weighs_what_was_drawn_as_the_official_code():
    case, made = bucsfr_case("anywhere"), made_inputs()
    positive = made.coarse[:, None] == made.queue_coarse[None, :]
    positive[positive.clone()] = torch.tensor(case["drawn_positive"]).bool().flatten()
    keys = Keys(made.own, made.queue, made.coarse, made.queue_coarse, draw=lambda _: (positive, ~positive))
    close(drawn_target(keys, case["values"]["soft_temperature"]), case["target"])


def test_bucsfr_merges_the_pair_of_least_official_score():
    """Clusters 0 and 1, which share directions, with a threshold above their score and not with one below."""
    scores = bucsfr_case("three")["merge_scores"]
    points = unit_rows(60, 36, 128)
    points[16:28] = F.normalize(points[16:28] + 0.8 * points[:12], dim=1)
    labels = torch.tensor([0] * 16 + [1] * 12 + [2] * 8)
    least = min(scores.values())
    assert least == scores["0 1"]
    merged, done = merge_nearest_pair(points, labels, 3, least * 1.0001)
    assert done
    assert merged.tolist() == [0] * 28 + [2] * 8
    assert not merge_nearest_pair(points, labels, 3, least * 0.9999)[1]
