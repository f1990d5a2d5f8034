import math

import pytest
import torch
from target_oracle import random_keys
from torch.testing import assert_close

from maskcon.training.batches import Batch
from maskcon.training.learner import build_learner
from maskcon.training.step import unit

CPU = torch.device("cpu")


@pytest.mark.parametrize("w", [0.0, 0.3, 1.0])
def test_loss_equals_the_loops(tiny_parameters, w):
    """(1 - w) InfoNCE + w cross-entropy, image by image from the learner's own features and keys."""
    parameters = tiny_parameters({"loss.w": w}, loss="coins")
    learner = build_learner(parameters, 3, CPU)
    learner.queue.enqueue(random_keys(1, size=64, dimensions=8).queue, torch.arange(64) % 3)
    coarse = torch.tensor([0, 2, 1, 1])
    views = torch.rand(2, 4, 1, 16, 24, generator=torch.Generator().manual_seed(0))
    own_key = learner.encode_key_view(views[1])[0]
    batch = Batch(views[0], views[1], coarse)
    loss = learner(batch, learner.encode_keys(batch))

    with torch.no_grad():
        features, projection = learner.query_network(views[0])
    query = unit(projection)
    total = 0.0
    for i in range(4):
        positive = math.exp(float(query[i] @ own_key[i]) / parameters.loss.temperature)
        others = [math.exp(float(query[i] @ key) / parameters.loss.temperature) for key in learner.queue.keys]
        info_nce = -math.log(positive / (positive + sum(others)))
        scores = [  # of the linear classifier
            float(features[i] @ weight + bias)
            for weight, bias in zip(*learner.extra_head.state_dict().values(), strict=True)
        ]
        classified = -math.log(math.exp(scores[coarse[i]]) / sum(math.exp(score) for score in scores))
        total += ((1 - w) * info_nce + w * classified) / 4
    assert_close(loss.item(), total, rtol=1e-5, atol=0)
