"""Losses and gradients that are not finite: training stops and says where, or skips the step without a trace."""

import copy
import json

import pytest
import torch

from maskcon.images.packed.image_stream import to_device
from maskcon.parameters.errors import UserError
from maskcon.training import loop
from maskcon.training.batches import TwoViewBatches
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.loop import build_learner, train
from maskcon.training.non_finite import NonFiniteSteps
from maskcon.training.step import training_step
from maskcon.views.operations.families import view_maker
from tests.training.killed_training import SilentWatcher, same_bits

CPU = torch.device("cpu")
NAN, INFINITE = float("nan"), float("inf")


@pytest.fixture
def poison(monkeypatch):
    """A function of step numbers (from 0) and a value: in these steps the loss, or every gradient, is that value."""

    def poison(steps, value=NAN, where="loss"):
        number = -1

        def poisoned(learner, *inputs):
            nonlocal number
            number += 1
            loss = training_step(learner, *inputs)
            if number in steps and where == "loss":
                for parameter in learner.trained_parameters():
                    parameter.data.mul_(value)  # as a step along such a gradient leaves them
                return loss * value
            if number in steps:
                parameter = learner.trained_parameters()[-1]
                parameter.grad.view(-1)[0] = value
            return loss

        monkeypatch.setattr(loop, "training_step", poisoned)

    return poison


def run(training_set, parameters, folder):
    return train(training_set, parameters, CPU, Checkpoints(folder), SilentWatcher())


def images_of(training_set, seed, epoch, step):
    view = view_maker("characters", "weak")
    batches = TwoViewBatches(
        to_device(training_set.images, 1, CPU), torch.from_numpy(training_set.coarse), view, view, 16, seed
    )
    return list(batches.epoch(epoch))[step].places.tolist()


@pytest.mark.parametrize(("value", "where"), [(NAN, "loss"), (INFINITE, "gradient")])
def test_training_stops_and_names_where(tmp_path, tiny_parameters, tiny_set, poison, where, value):
    """The eighth step is the third of epoch 2; the checkpoint that is left is of the step before."""
    parameters = tiny_parameters({"train.checkpoint_steps": 1})
    poison({7, 8}, value, where)
    with pytest.raises(UserError) as raised:
        run(tiny_set, parameters, tmp_path)
    rate = loop.rate_of_step(7, 5, parameters.train)
    assert str(raised.value).startswith(
        f"the loss or its gradient is not finite in epoch 2, step 3, at learning rate {rate:.3g}; "
        f"the batch's images are listed in {tmp_path / 'non_finite.json'}; lower train.learning_rate"
    )
    told = json.loads((tmp_path / "non_finite.json").read_text())
    assert told == {
        "epoch": 2,
        "step": 3,
        "learning_rate": rate,
        "images": images_of(tiny_set, parameters.seed, 2, 2),
        "skipped_before": [],
    }
    state = Checkpoints(tmp_path).load_latest()
    assert state["epoch_so_far"]["steps"] == 2
    assert all(value.isfinite().all() for value in state["learner"].values())


def state_of(learner, optimizer):
    momentum = {place: buffers["momentum_buffer"] for place, buffers in optimizer.state_dict()["state"].items()}
    return copy.deepcopy(learner.state_dict() | momentum)


@pytest.mark.parametrize("loss", ["maskcon", "bucsfr", "wcl"])
@pytest.mark.parametrize("first", [True, False])
def test_a_skipped_step_leaves_no_trace(tiny_parameters, tiny_set, loss, first):
    """Neither on weights, statistics, queue nor momentum; also the very first, when there is no momentum yet."""
    parameters = tiny_parameters(loss=loss)
    learner = build_learner(parameters, 3, CPU)
    optimizer = torch.optim.SGD(learner.trained_parameters(), lr=0.1, momentum=0.9)
    non_finite = NonFiniteSteps(learner, optimizer, allowed=3)
    weak = view_maker("characters", "weak")
    batches = TwoViewBatches(to_device(tiny_set.images, 1, CPU), torch.from_numpy(tiny_set.coarse), weak, weak, 16, 1)
    loop.fill_queue(learner, batches)
    loop.renew_memory(2, learner, batches)
    good, bad, *_ = batches.epoch(2)
    if not first:
        non_finite.before_step()
        assert non_finite.after_step(0, training_step(learner, optimizer, good))
    before = state_of(learner, optimizer)

    bad.query_view[0] = NAN
    non_finite.before_step()
    assert not non_finite.after_step(1, training_step(learner, optimizer, bad))
    after = state_of(learner, optimizer)
    assert before.keys() == after.keys()
    for name, value in before.items():
        assert torch.equal(value, after[name]), name
    assert non_finite.skipped() == [1]
    assert non_finite.one_too_many() is None


def test_allowed_steps_are_skipped_and_one_more_stops(tmp_path, tiny_parameters, tiny_set, poison):
    """Steps 2, 6, 7 of 15 are not finite."""
    poison({2, 6, 7})
    trained = run(tiny_set, tiny_parameters({"train.skip_non_finite_steps": 3}), tmp_path / "three")
    assert all(weight.isfinite().all() for weight in trained.encoder.state_dict().values())
    assert all(0 < row["loss"] < 100 for row in trained.curve)

    poison({2, 6, 7, 8, 9})
    parameters = tiny_parameters({"train.skip_non_finite_steps": 2})
    with pytest.raises(UserError, match=r"epoch 2, step 3, .* after 2 such steps were skipped"):
        run(tiny_set, parameters, tmp_path / "two")
    told = json.loads((tmp_path / "two" / "non_finite.json").read_text())
    assert (told["epoch"], told["step"]) == (2, 3)
    assert told["skipped_before"] == [{"epoch": 1, "step": 3}, {"epoch": 2, "step": 2}]


def test_the_loss_of_an_epoch_is_the_mean_of_its_finite_steps(tmp_path, tiny_parameters, tiny_set, poison, monkeypatch):
    losses = []
    monkeypatch.setattr(SilentWatcher, "step_done", lambda self, epoch, loss: losses.append(loss.item()))
    poison({1})
    trained = run(tiny_set, tiny_parameters({"train.skip_non_finite_steps": 1}), tmp_path)
    finite = [loss for place, loss in enumerate(losses[:5]) if place != 1]
    assert trained.curve[0]["loss"] == pytest.approx(sum(finite) / 4, rel=1e-6)


def test_an_epoch_without_a_finite_step_stops(tmp_path, tiny_parameters, tiny_set, poison):
    poison(set(range(5, 10)))
    with pytest.raises(UserError, match="none of the steps of epoch 2 had a finite loss"):
        run(tiny_set, tiny_parameters({"train.skip_non_finite_steps": 10}), tmp_path)


def test_watching_and_being_ready_to_skip_change_nothing(tmp_path, tiny_parameters, tiny_set):
    for allowed in (0, 5):
        parameters = tiny_parameters({"train.skip_non_finite_steps": allowed})
        run(tiny_set, parameters, tmp_path / str(allowed))
    assert same_bits(tmp_path / "0", tmp_path / "5")


def test_what_was_skipped_before_an_interruption_counts_after_it(tmp_path, tiny_parameters, tiny_set, poison):
    parameters = tiny_parameters({"train.skip_non_finite_steps": 1, "train.checkpoint_steps": 1})
    poison({1})
    monitor = SilentWatcher()
    monitor.step_done = lambda epoch, loss: (_ for _ in ()).throw(KeyboardInterrupt) if epoch == 2 else None
    with pytest.raises(KeyboardInterrupt):
        train(tiny_set, parameters, CPU, Checkpoints(tmp_path), monitor)
    poison({0})
    with pytest.raises(UserError, match=r"epoch 2, step 1, .* after 1 such steps were skipped"):
        run(tiny_set, parameters, tmp_path)
