"""A batch that is encoded in parts: the loss, gradients and statistics of the parts, and no activations kept."""

import pytest
import torch
from torch.testing import assert_close

from maskcon.training.batches import Batch
from maskcon.training.learner import build_learner
from maskcon.training.micro_batches import encode_in_parts
from maskcon.training.step import training_step

CPU = torch.device("cpu")
METHODS = ["maskcon", "sane", "wcl", "ancor"]  # rows by themselves, compared with each other, without keys, with angles


def learner_and_batch(tiny_parameters, loss, accumulate):
    learner = build_learner(tiny_parameters({"train.accumulate": accumulate}, loss=loss), 3, CPU)
    generator = torch.Generator().manual_seed(1)
    views = torch.rand(2, 16, 1, 16, 24, generator=generator)
    return learner, Batch(views[0], views[1], torch.arange(16) % 3, places=torch.arange(16))


def gradients_of(learner, batch):
    loss = learner(batch, learner.encode_keys(batch) if learner.method.uses_keys else None)
    loss.backward()
    return loss.detach(), {name: weight.grad for name, weight in learner.named_parameters() if weight.requires_grad}


@pytest.mark.parametrize("loss", METHODS)
def test_parts_are_what_encoding_each_by_itself_gives(tiny_parameters, loss):
    """The same networks called on each part, with everything kept for backward, in the place of the fast code."""
    learner, batch = learner_and_batch(tiny_parameters, loss, 4)
    found = gradients_of(learner, batch)
    slow, batch = learner_and_batch(tiny_parameters, loss, 1)
    for network in (slow.query_network, slow.key_network):
        whole = network.forward

        def in_four(view, whole=whole):
            parts = [whole(part) for part in view.split(4)]
            return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])

        network.forward = in_four
    assert_close(found, gradients_of(slow, batch), rtol=1e-3, atol=3e-5)
    assert_close(dict(learner.named_buffers()), dict(slow.named_buffers()), rtol=1e-5, atol=1e-6)


def test_statistics_follow_each_part_once(tiny_parameters):
    learner, batch = learner_and_batch(tiny_parameters, "selfcon", 4)
    optimizer = torch.optim.SGD(learner.trained_parameters(), lr=0.1)
    training_step(learner, optimizer, batch)
    counts = [buffer for name, buffer in learner.named_buffers() if name.endswith("num_batches_tracked")]
    assert [int(count) for count in counts] == [4] * len(counts)
    assert all(layer.momentum == 0.1 for layer in learner.modules() if isinstance(layer, torch.nn.BatchNorm2d))


def test_no_activation_is_kept_until_backward(tiny_parameters):
    learner, batch = learner_and_batch(tiny_parameters, "selfcon", 1)

    def kept(parts):
        """Bytes that autograd, and what encodes a part again, keep of an encoding."""
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda kept: (sizes.append(kept.nbytes), kept)[1], lambda kept: kept
        ):
            outputs = encode_in_parts(learner.query_network, batch.query_view, parts)
        assert all(output.requires_grad for output in outputs)
        return sum(sizes)

    assert kept(1) > 100_000
    assert kept(4) == batch.query_view.nbytes
