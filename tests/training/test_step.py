import copy

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from maskcon.parameters.plugins import METHODS
from maskcon.training.batches import Batch
from maskcon.training.learner import build_learner
from maskcon.training.step import move_key_network, training_step, unit
from tests.methods import target_oracle

CPU = torch.device("cpu")


def test_key_parameters_follow_and_statistics_do_not(tiny_parameters):
    learner = build_learner(tiny_parameters(), 3, CPU)
    query, key = learner.query_network, learner.key_network
    with torch.no_grad():
        for parameter in query.parameters():
            parameter += torch.rand_like(parameter)
    query(torch.rand(8, 1, 16, 24))
    before_key, before_query = copy.deepcopy(key), copy.deepcopy(query)
    move_key_network(key, query, 0.9)
    for after, old, new in zip(key.parameters(), before_key.parameters(), query.parameters(), strict=True):
        assert_close(after, 0.9 * old + 0.1 * new.detach())
    for after, old in zip(key.buffers(), before_key.buffers(), strict=True):
        assert torch.equal(after, old)
    for after, old in zip(query.state_dict().values(), before_query.state_dict().values(), strict=True):
        assert torch.equal(after, old)


def learner_and_batch(parameters, seed=0):
    learner = build_learner(parameters, 3, CPU)
    generator = torch.Generator().manual_seed(seed)
    keys = F.normalize(torch.randn(64, 8, generator=generator), dim=1)
    features = F.normalize(torch.rand(64, learner.query_network.encoder.feature_size, generator=generator), dim=1)
    learner.queue.enqueue(keys, torch.randint(3, (64,), generator=generator), features)
    views = torch.rand(2, 16, 1, 16, 24, generator=generator)
    return learner, Batch(views[0], views[1] ** 2, torch.randint(3, (16,), generator=generator))


def sgd(learner):
    return torch.optim.SGD(learner.trained_parameters(), lr=0.1)


def test_key_network_has_batch_norm_statistics_of_its_own(tiny_parameters):
    """After one step each network's first running mean is 0.1 of the mean over the view that it saw itself."""
    learner, batch = learner_and_batch(tiny_parameters())
    first_convolution = copy.deepcopy(learner.query_network.encoder.backbone[0])
    training_step(learner, sgd(learner), batch)
    for network, view in ((learner.query_network, batch.query_view), (learner.key_network, batch.key_view)):
        seen = first_convolution((view - 0.5) / 0.5).mean(dim=(0, 2, 3))
        assert_close(network.encoder.backbone[1].running_mean, 0.1 * seen)
        assert int(network.encoder.backbone[1].num_batches_tracked) == 1


@pytest.mark.parametrize("loss", ["coins", "maskcon"])
def test_step_in_the_published_order(tiny_parameters, loss):
    """Keys, loss against the queue of before, gradient step on the query side, momentum, enqueue: all by hand."""
    parameters = tiny_parameters({"train.key_momentum": 0.7}, loss=loss)
    learner, batch = learner_and_batch(parameters)
    by_hand = copy.deepcopy(learner)
    loss_of_step = training_step(learner, sgd(learner), batch)

    with torch.no_grad():
        own_key = unit(by_hand.key_network(batch.key_view)[1])
    features, projection = by_hand.query_network(batch.query_view)
    query = unit(projection)
    values = [own_key.tolist(), by_hand.queue.keys.tolist(), batch.coarse.tolist(), by_hand.queue.coarse.tolist()]
    oracle = {
        "maskcon": lambda: target_oracle.maskcon_closed_form(
            *values, parameters.loss.w, parameters.loss.soft_temperature
        ),
        "coins": lambda: target_oracle.selfcon(*values),
    }[loss]
    positive = torch.einsum("bd,bd->b", query, own_key)[:, None]
    logits = torch.cat([positive, query @ by_hand.queue.keys.T], dim=1) / 0.1
    total = -(torch.tensor(oracle()) * logits.log_softmax(dim=1)).sum(dim=1).mean()
    if loss == "coins":
        total = 0.5 * total + 0.5 * F.cross_entropy(by_hand.extra_head(features), batch.coarse)
    total.backward()

    assert_close(loss_of_step, total.detach(), rtol=1e-4, atol=1e-5)
    assert not loss_of_step.requires_grad
    for name in ("query_network", "extra_head"):
        if getattr(learner, name) is not None:
            pairs = zip(getattr(learner, name).parameters(), getattr(by_hand, name).parameters(), strict=True)
            for after, before in pairs:
                assert_close(after.detach(), (before - 0.1 * before.grad).detach(), rtol=1e-4, atol=1e-5)
    networks = (learner.key_network, by_hand.key_network, learner.query_network)
    for after, before, query in zip(*(network.parameters() for network in networks), strict=True):
        assert_close(after, 0.7 * before + 0.3 * query.detach())
    assert_close(learner.queue.keys[:16], own_key)
    assert torch.equal(learner.queue.coarse[:16], batch.coarse)
    assert torch.equal(learner.queue.keys[16:], by_hand.queue.keys[16:])


@pytest.mark.parametrize("loss", METHODS)
def test_gradient_reaches_the_query_side_alone(tiny_parameters, loss):
    learner, batch = learner_and_batch(tiny_parameters(loss=loss))
    learner(batch, learner.encode_keys(batch) if learner.method.uses_keys else None).backward()
    for name, parameter in learner.named_parameters():
        if name.startswith("key_network."):
            assert parameter.grad is None
            assert not parameter.requires_grad
        else:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all()
    assert any(parameter.grad.any() for parameter in learner.query_network.encoder.parameters())
    trained = {id(parameter) for parameter in learner.trained_parameters()}
    expected = [parameter for name, parameter in learner.named_parameters() if not name.startswith("key_network.")]
    assert trained == {id(parameter) for parameter in expected}
    assert not learner.queue.keys.requires_grad


@pytest.mark.parametrize("loss", ["maskcon", "sane", "ancor"])  # plain, mixed images, angles
def test_bfloat16_is_near_float32(tiny_parameters, loss):
    losses, dtypes = {}, set()
    for precision in ("float32", "bfloat16"):
        learner, batch = learner_and_batch(tiny_parameters({"train.precision": precision}, loss=loss))
        target_of = learner.method.target

        def watched(keys, target_of=target_of):
            target = target_of(keys)
            dtypes.update((keys.own.dtype, keys.queue.dtype, target.dtype))
            return target

        object.__setattr__(learner.method, "target", watched)
        losses[precision] = training_step(learner, sgd(learner), batch).item()
        assert all(parameter.dtype == torch.float32 for parameter in learner.parameters())
    assert losses["bfloat16"] != losses["float32"]  # it was on indeed
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.05)
    assert dtypes == {torch.float32}


def test_weights_of_both_networks_and_what_they_see_are_channels_last(tiny_parameters):
    learner, batch = learner_and_batch(tiny_parameters({"data.channels": 3}))
    seen = []
    for network in (learner.query_network, learner.key_network):
        convolution = network.encoder.backbone[0]
        assert convolution.weight.is_contiguous(memory_format=torch.channels_last)
        convolution.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    views = [view.expand(-1, 3, -1, -1) for view in (batch.query_view, batch.key_view)]
    training_step(learner, sgd(learner), Batch(*views, batch.coarse))
    assert len(seen) == 2
    assert all(view.is_contiguous(memory_format=torch.channels_last) for view in seen)
    assert not any(view.is_contiguous() for view in seen)
