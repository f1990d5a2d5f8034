import math
from dataclasses import replace

import pytest
import target_oracle as oracle
import torch
from small_training import small_method, small_parameters, small_set
from target_oracle import expected, random_keys
from torch.nn.functional import normalize
from torch.testing import assert_close

from maskcon.methods.parts.targets import masked_softmax, temperature_for_share
from maskcon.training.learner import build_learner


def adaptive_maskcon(**loss):
    return small_method("adaptive_maskcon", **loss)


def keys_and_features(seed, size=40):
    keys = random_keys(seed, size=size)
    generator = torch.Generator().manual_seed(seed + 100)
    return replace(
        keys,
        own_features=normalize(torch.rand(len(keys.own), 4, generator=generator), dim=1),
        queue_features=normalize(torch.rand(size, 4, generator=generator), dim=1),
    )


def perplexity(values, temperature):
    top = max(values)
    weights = [math.exp((value - top) / temperature) for value in values]
    shares = [weight / sum(weights) for weight in weights]
    return math.exp(-sum(share * math.log(share) for share in shares if share > 0))


def adaptive_rows(similarity, same_coarse, w, share):
    """Rows of Z in loops over floats, T by halving an interval 200 times."""
    rows = []
    for values, same in zip(similarity, same_coarse, strict=True):
        candidates = [value for value, one in zip(values, same, strict=True) if one]
        if not candidates:
            rows.append([1.0] + [0.0] * len(values))
            continue
        low, high = 1e-6, 100.0
        for _ in range(200):
            middle = math.sqrt(low * high)
            if perplexity(candidates, middle) < max(1.0, share * len(candidates)):
                low = middle
            else:
                high = middle
        r = [math.exp((v - max(candidates)) / low) if one else 0.0 for v, one in zip(values, same, strict=True)]
        rows.append([w / (1 + sum(r)) + 1 - w] + [w * value / (1 + sum(r)) for value in r])
    return torch.tensor(rows, dtype=torch.float64)


def similarity_in_loops(keys, what):
    def products(a, b):
        return [[sum(x * y for x, y in zip(one, other, strict=True)) for other in b.tolist()] for one in a.tolist()]

    of_keys = products(keys.own.double(), keys.queue.double())
    of_features = products(keys.own_features.double(), keys.queue_features.double())
    return of_keys if what == "keys" else of_features


@pytest.mark.parametrize("what", ["keys", "features"])
@pytest.mark.parametrize(("w", "share"), [(1.0, 0.3), (0.6, 0.7)])
def test_target_equals_the_loops(what, w, share):
    keys = keys_and_features(0)
    keys.own_coarse[2] = 99  # absent from the queue
    target = adaptive_maskcon(w=w, positive_share=share, similarity_of=what).target(keys).double()
    rows = adaptive_rows(similarity_in_loops(keys, what), keys.same_coarse.tolist(), w, share)
    assert_close(target, rows, rtol=0, atol=1e-4)


@pytest.mark.parametrize("w", [0.5, 1.0])
def test_fixed_temperature_of_keys_is_maskcon(w):
    keys = random_keys(1)
    method = adaptive_maskcon(w=w, similarity_of="keys", soft_temperature=0.1, positive_share=None)
    assert_close(method.target(keys).double(), expected(oracle.maskcon_closed_form, keys, w, 0.1), rtol=0, atol=2e-6)
    assert not method.uses_features


@pytest.mark.parametrize("scale", [1.0, 0.1, 0.01, 0.001])
@pytest.mark.parametrize("share", [0.05, 0.25, 0.5, 0.9])
def test_perplexity_is_the_share_of_the_candidates_at_any_scale_of_similarities(share, scale):
    generator = torch.Generator().manual_seed(2)
    similarity = scale * torch.rand(32, 600, generator=generator)
    candidates = torch.rand(32, 600, generator=generator) < torch.linspace(0.1, 1, 32)[:, None]
    temperature = temperature_for_share(similarity, candidates, share)
    shares = masked_softmax(similarity / temperature, candidates)
    number = torch.exp(-torch.xlogy(shares, shares).sum(dim=1))
    assert_close(number, (share * candidates.sum(dim=1)).clamp(min=1), rtol=0.01, atol=0)


@pytest.mark.parametrize("close", [0.02, 0.005, 0.0005])
@pytest.mark.parametrize("share", [0.05, 0.1, 0.4, 0.8])
def test_perplexity_is_the_share_where_a_fine_class_is_tight(share, close):
    """A tenth, a fifth or half of the candidates are ``close`` to the image, the others far, as late in a training."""
    generator = torch.Generator().manual_seed(5)
    tight = torch.rand(30, 1000, generator=generator) < torch.tensor([0.1, 0.2, 0.5]).repeat(10)[:, None]
    noise = torch.randn(30, 1000, generator=generator)
    similarity = torch.where(tight, 1 - close * noise.abs(), 0.3 + 0.1 * noise)
    candidates = torch.ones_like(tight)
    shares = masked_softmax(similarity / temperature_for_share(similarity, candidates, share), candidates)
    number = torch.exp(-torch.xlogy(shares, shares).sum(dim=1))
    assert_close(number, torch.full_like(number, share * 1000), rtol=0.01, atol=0)


def test_rows_where_no_temperature_fits_stay_finite():
    candidates = torch.tensor([[True] * 4, [False] * 4, [True, False, False, False], [True] * 4])
    similarity = torch.tensor([[0.5] * 4, [0.1, 0.2, 0.3, 0.4], [0.3] * 4, [0.1, 0.2, 0.3, 0.4]])
    for share in (0.25, 1.0):
        temperature = temperature_for_share(similarity, candidates, share)
        assert torch.isfinite(temperature).all()
        assert ((temperature >= 0.9e-6) & (temperature <= 101)).all()


def test_queue_keeps_the_features_beside_their_keys():
    parameters = small_parameters("adaptive_maskcon")
    learner = build_learner(parameters, 3, torch.device("cpu"))
    views = torch.from_numpy(small_set().images[:16, :, :, :1]).permute(0, 3, 1, 2) / 255
    keys, features = learner.encode_key_view(views)
    learner.queue.enqueue(keys, torch.arange(16), features)
    assert_close(learner.queue.features[:16], normalize(learner.key_network(views)[0], dim=1))
    assert_close(
        normalize(learner.key_network.projector(learner.key_network(views)[0]), dim=1), learner.queue.keys[:16]
    )
    assert "queue.features" in learner.state_dict()


@pytest.mark.parametrize("both", [{"soft_temperature": 0.1}, {"positive_share": None}])
def test_one_temperature_must_be_given(both):
    with pytest.raises(Exception, match=r"soft_temperature or loss\.positive_share must be null"):
        adaptive_maskcon(**both)
