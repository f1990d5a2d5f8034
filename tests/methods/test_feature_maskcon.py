from dataclasses import replace

import pytest
import target_oracle as oracle
import torch
from small_training import small_method, small_parameters
from target_oracle import expected, random_keys
from torch.nn.functional import normalize
from torch.testing import assert_close

from maskcon.training.learner import build_learner


@pytest.mark.parametrize("w", [0.6, 1.0])
def test_the_target_is_maskcons_with_features_in_place_of_keys(w):
    keys = random_keys(0)
    keys.own_coarse[2] = 99  # absent from the queue
    generator = torch.Generator().manual_seed(100)
    features = [normalize(torch.rand(len(rows), 4, generator=generator), dim=1) for rows in (keys.own, keys.queue)]
    behind = replace(keys, own=features[0], queue=features[1])
    target = small_method("feature_maskcon", w=w, soft_temperature=0.1).target(
        replace(keys, own_features=features[0], queue_features=features[1])
    )
    assert_close(target.double(), expected(oracle.maskcon_closed_form, behind, w, 0.1), rtol=0, atol=2e-6)


def test_queue_keeps_the_features_beside_their_keys(tiny_set):
    parameters = small_parameters("feature_maskcon")
    learner = build_learner(parameters, 3, torch.device("cpu"))
    views = torch.from_numpy(tiny_set.images[:16, :, :, :1]).permute(0, 3, 1, 2) / 255
    keys, features = learner.encode_key_view(views)
    learner.queue.enqueue(keys, torch.arange(16), features)
    assert_close(learner.queue.features[:16], normalize(learner.key_network(views)[0], dim=1))
    assert_close(
        normalize(learner.key_network.projector(learner.key_network(views)[0]), dim=1), learner.queue.keys[:16]
    )
    assert "queue.features" in learner.state_dict()
