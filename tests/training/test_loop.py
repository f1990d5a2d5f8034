import copy

import numpy as np
import pytest
import torch

from maskcon.images.packed.image_stream import to_device
from maskcon.parameters.errors import Interrupted
from maskcon.parameters.plugins import METHODS
from maskcon.runtime import hardware
from maskcon.training.batches import TwoViewBatches
from maskcon.training.checkpoint import Checkpoints
from maskcon.training.learner import build_learner, training_precision
from maskcon.training.loop import Watcher, fill_queue, train
from maskcon.training.step import unit
from maskcon.views.operations.families import view_maker

CPU = torch.device("cpu")


class Recorder(Watcher):
    """A watcher that remembers what it was told, and may interrupt after an epoch."""

    def __init__(self, interrupt_after=None):
        self.interrupt_after = interrupt_after
        self.resumed_after = None
        self.steps = []
        self.epochs = []
        self.snapshots = {}

    def resumed(self, curve, steps):
        self.resumed_after = len(curve)
        self.resumed_steps = steps

    def step_done(self, epoch, loss):
        self.steps.append((epoch, loss.item()))
        if self.interrupt_after is not None and epoch == self.interrupt_after + 1:
            raise KeyboardInterrupt

    def epoch_done(self, curve):
        self.epochs.append([row["epoch"] for row in curve])

    def snapshot(self, epoch, encoder):
        self.snapshots[epoch] = copy.deepcopy(encoder.state_dict())


def run(training_set, parameters, folder, watcher=None):
    return train(training_set, parameters, CPU, Checkpoints(folder), watcher or Recorder())


def final_state(folder):
    """Networks, queue and optimizer after the last epoch (where a checkpoint is kept)."""
    return Checkpoints(folder).load_latest()


def without_times(curve):
    return [{key: row[key] for key in ("epoch", "loss", "learning_rate")} for row in curve]


def assert_same_state(one, other):
    assert one["learner"].keys() == other["learner"].keys()
    for name, value in one["learner"].items():
        assert torch.equal(value, other["learner"][name]), name
    for place, buffers in one["optimizer"]["state"].items():
        assert torch.equal(buffers["momentum_buffer"], other["optimizer"]["state"][place]["momentum_buffer"])
    assert without_times(one["curve"]) == without_times(other["curve"])


def weights_differ(one, other):
    return any(not torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.fault
def test_what_a_watcher_is_told_of_a_run_that_is_interrupted_and_goes_on(tmp_path, tiny_parameters, tiny_set):
    """Interrupted in its third epoch and started again, a run ends as the uninterrupted one."""
    parameters = tiny_parameters({"train.epochs": 4}, loss="coins")
    whole, first, second = Recorder(), Recorder(interrupt_after=2), Recorder()
    uninterrupted = run(tiny_set, parameters, tmp_path / "whole", whole)
    with pytest.raises(KeyboardInterrupt):
        run(tiny_set, parameters, tmp_path / "parts", first)
    resumed = run(tiny_set, parameters, tmp_path / "parts", second)

    assert_same_state(final_state(tmp_path / "whole"), final_state(tmp_path / "parts"))
    for name in ("encoder", "untrained"):
        expected = getattr(uninterrupted, name).state_dict()
        for key, value in getattr(resumed, name).state_dict().items():
            assert torch.equal(value, expected[key]), (name, key)
    assert without_times(uninterrupted.curve) == without_times(resumed.curve)

    assert (whole.resumed_after, first.resumed_after, second.resumed_after) == (None, None, 2)
    assert first.steps[:10] + second.steps == whole.steps
    assert whole.epochs == [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4]]
    assert second.epochs == [[1, 2, 3], [1, 2, 3, 4]]
    for epoch, weights in second.snapshots.items():
        assert all(torch.equal(value, whole.snapshots[epoch][key]) for key, value in weights.items())


@pytest.mark.parametrize(
    ("loss", "changes"),
    [
        *((loss, {}) for loss in METHODS),
        ("coins", {"loss.w": 1.0}),
        ("wcl", {"loss.mask_by_coarse": True, "loss.multi_crop": 1}),
    ],
)
def test_every_method_trains_to_finite_numbers_and_resumes_bit_for_bit(
    tmp_path, tiny_parameters, tiny_set, loss, changes
):
    parameters = tiny_parameters({"train.epochs": 2, "train.warmup_epochs": 0} | changes, loss=loss)
    trained = run(tiny_set, parameters, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tiny_set, parameters, tmp_path / "parts", Recorder(interrupt_after=1))
    run(tiny_set, parameters, tmp_path / "parts", second := Recorder())
    assert second.resumed_after == 1
    state = final_state(tmp_path / "whole")
    assert_same_state(state, final_state(tmp_path / "parts"))
    assert all(value.isfinite().all() for value in state["learner"].values())
    assert weights_differ(trained.untrained, trained.encoder)


def test_images_that_stream_train_the_same_bits(tmp_path, tiny_parameters, tiny_set):
    """This method also looks at all images between epochs, and at single ones within."""
    for name, share in (("resident", 1.0), ("streamed", 0.0)):
        run(tiny_set, tiny_parameters({"train.resident_share": share, "loss.multi_crop": 2}, "wcl"), tmp_path / name)
    assert_same_state(final_state(tmp_path / "resident"), final_state(tmp_path / "streamed"))


@pytest.mark.fault
@pytest.mark.parametrize("steps", [3, 5])
def test_asked_to_end_it_keeps_a_checkpoint_of_that_very_step(tmp_path, tiny_parameters, tiny_set, steps):
    """Within an epoch and at its end; no checkpoint is due by itself."""
    parameters = tiny_parameters({"train.checkpoint_steps": None})
    watcher, again = Recorder(), Recorder()
    interruption = Interrupted(15)
    with pytest.raises(Interrupted) as raised:
        train(
            tiny_set,
            parameters,
            CPU,
            Checkpoints(tmp_path / "parts"),
            watcher,
            lambda: interruption if len(watcher.steps) == steps else None,
        )
    assert raised.value is interruption
    run(tiny_set, parameters, tmp_path / "parts", again)
    assert (again.resumed_after, again.resumed_steps) == divmod(steps, 5)
    run(tiny_set, parameters, tmp_path / "whole")
    assert_same_state(final_state(tmp_path / "whole"), final_state(tmp_path / "parts"))


@pytest.mark.fault
def test_finished_run_is_not_trained_further(tmp_path, tiny_parameters, tiny_set):
    parameters = tiny_parameters()
    first, watcher = run(tiny_set, parameters, tmp_path), Recorder()
    again = run(tiny_set, parameters, tmp_path, watcher)
    assert watcher.steps == []
    assert not weights_differ(first.encoder, again.encoder)


def test_same_seed_same_bits_other_seed_others(tmp_path, tiny_parameters, tiny_set):
    """The global generator does not matter, and is left alone."""
    states = []
    for number, seed in enumerate((1, 1, 2)):
        torch.manual_seed(number)
        run(tiny_set, tiny_parameters({"seed": seed}), tmp_path / str(number))
        states.append(final_state(tmp_path / str(number)))
        assert torch.initial_seed() == number
    assert_same_state(states[0], states[1])
    for name in ("query_network.projector.0.weight", "queue.keys", "queue.coarse"):
        assert not torch.equal(states[0]["learner"][name], states[2]["learner"][name]), name


@pytest.mark.parametrize("queue_size", [1, 37, 200])  # less than a batch, not a multiple of it, more than the set
def test_queue_is_filled_with_real_keys_and_their_labels(tiny_parameters, tiny_set, queue_size):
    """Against a list to which the key network's outputs, batch by batch, are appended."""
    parameters = tiny_parameters({"train.queue_size": queue_size})
    learner = build_learner(parameters, 3, CPU)
    weak = view_maker("characters", "weak")
    batches = TwoViewBatches(
        to_device(tiny_set.images, 1, CPU), torch.from_numpy(tiny_set.coarse), weak, weak, 16, parameters.seed
    )
    key_network = copy.deepcopy(learner.key_network)
    keys, coarse = [], []
    for repetition in range(3):
        for batch in batches.epoch(f"queue {repetition}"):
            if len(coarse) < queue_size:
                keys += unit(key_network(batch.key_view)[1]).detach().tolist()
                coarse += batch.coarse.tolist()

    fill_queue(learner, batches)
    oldest_first = -int(learner.queue.position)
    assert learner.queue.coarse.roll(oldest_first).tolist() == coarse[-queue_size:]
    assert learner.queue.keys.roll(oldest_first, dims=0).tolist() == keys[-queue_size:]


def test_learning_rate_of_the_curve_is_that_of_each_epoch_s_last_step(tmp_path, tiny_parameters, tiny_set):
    """5 steps an epoch, 1 epoch of warm-up: step 4 of the warm-up has 4/5 of the base rate."""
    curve = run(tiny_set, tiny_parameters(), tmp_path).curve
    assert [row["epoch"] for row in curve] == [1, 2, 3]
    base = tiny_parameters().train.learning_rate
    expected = [base * 4 / 5, base / 2 * (1 + np.cos(np.pi * 4 / 10)), base / 2 * (1 + np.cos(np.pi * 9 / 10))]
    assert [row["learning_rate"] for row in curve] == pytest.approx(expected)


def test_loss_of_the_curve_is_the_mean_of_the_steps(tmp_path, tiny_parameters, tiny_set):
    watcher = Recorder()
    curve = run(tiny_set, tiny_parameters(), tmp_path, watcher).curve
    for row in curve:
        losses = [loss for epoch, loss in watcher.steps if epoch == row["epoch"]]
        assert len(losses) == 5
        assert row["loss"] == pytest.approx(np.mean(losses), rel=1e-6)
        assert row["images_per_second"] * row["seconds"] == pytest.approx(80)


@pytest.mark.parametrize(("every", "epochs"), [(0, []), (1, [1, 2, 3]), (2, [2])])
def test_snapshots(tmp_path, tiny_parameters, tiny_set, every, epochs):
    watcher = Recorder()
    parameters = tiny_parameters({"train.snapshot_epochs": every})
    trained = run(tiny_set, parameters, tmp_path, watcher)
    assert list(watcher.snapshots) == epochs
    if every == 1:
        assert all(torch.equal(trained.encoder.state_dict()[key], value) for key, value in watcher.snapshots[3].items())


def test_the_last_step_alone_has_a_checkpoint_where_they_are_rare(tmp_path, tiny_parameters, tiny_set):
    run(tiny_set, tiny_parameters({"train.checkpoint_seconds": 1e6, "train.checkpoint_steps": None}), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["step_000000015.ckpt"]


def test_encoder_begins_the_same_for_every_method(tiny_parameters):
    """Methods are compared from the same initial weights."""
    states = [build_learner(tiny_parameters(loss=loss), 3, CPU).query_network.state_dict() for loss in METHODS]
    for state in states[1:]:
        assert all(torch.equal(states[0][name], value) for name, value in state.items())


def test_key_network_begins_as_a_copy(tiny_parameters):
    learner = build_learner(tiny_parameters(), 3, CPU)
    pairs = list(zip(learner.query_network.parameters(), learner.key_network.parameters(), strict=True))
    assert all(torch.equal(query, key) for query, key in pairs)
    assert all(query.data_ptr() != key.data_ptr() for query, key in pairs)


@pytest.mark.parametrize(
    ("flags", "precision"),
    [("fpu avx2", torch.float32), ("fpu avx512_bf16 avx2", torch.bfloat16), ("amx_bf16", torch.bfloat16)],
)
def test_precision(flags, precision, tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text(f"model name\t: A Processor\nflags\t\t: {flags}\nbugs\t\t: none\n")
    monkeypatch.setattr(hardware, "CPU_INFO", tmp_path / "cpuinfo")
    assert training_precision("auto", CPU) == precision
    assert training_precision("auto", torch.device("cuda")) == torch.bfloat16
    assert training_precision("bfloat16", CPU) == torch.bfloat16
    assert training_precision("float32", torch.device("cuda")) == torch.float32
