import dataclasses
from contextlib import nullcontext

import pytest
import torch
from pretended_gpu import GPU, HostWait, pretended_gpu, there
from torch.utils._python_dispatch import TorchDispatchMode

from maskcon.parameters.model import METHODS
from maskcon.training.batches import Batch
from maskcon.training.captured_step import WARM_UP_STEPS, CapturedStep, GraphRecorder, fastest_step
from maskcon.training.loop import build_learner
from maskcon.training.non_finite import NonFiniteSteps
from maskcon.training.state import EpochSoFar
from maskcon.training.step import training_step

CPU = torch.device("cpu")
ON_HOST = ("sane", "potential", "wcl", "bucsfr")
CAPTURED = [loss for loss in METHODS if loss not in ON_HOST]


def random_batches(number, device=CPU):
    generator = torch.Generator().manual_seed(0)
    return [
        Batch(
            torch.rand(16, 1, 16, 24, generator=generator).to(device, non_blocking=True),
            torch.rand(16, 1, 16, 24, generator=generator).to(device, non_blocking=True),
            torch.randint(3, (16,), generator=generator).to(device, non_blocking=True),
            seed,
            torch.arange(16, device=device),
        )
        for seed in range(number)
    ]


def learner_and_optimizer(parameters, device=CPU):
    learner = build_learner(parameters, 3, device)
    generator = torch.Generator().manual_seed(0)
    keys = torch.nn.functional.normalize(torch.randn(64, 8, generator=generator), dim=1)
    coarse = torch.randint(3, (64,), generator=generator)
    features = torch.rand(64, learner.query_network.encoder.feature_size, generator=generator)
    features = torch.nn.functional.normalize(features, dim=1)
    learner.queue.enqueue(keys.to(device), coarse.to(device), features.to(device))
    return learner, torch.optim.SGD(learner.trained_parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)


def losses_of(step, learner, optimizer, batches):
    """With a rate that changes at every step, as the schedule does."""
    losses = []
    for number, batch in enumerate(batches):
        optimizer.param_groups[0]["lr"] = 0.1 / (1 + number)
        losses.append(step(learner, optimizer, batch, progress=number / len(batches)))
    return torch.stack(losses)


class Tape(TorchDispatchMode):
    """Operations with the tensors and numbers they were called with: what a CUDA graph holds."""

    def __init__(self):
        super().__init__()
        self.operations = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        self.operations.append((function, args, kwargs or {}, result))
        return result

    @torch.no_grad()
    def play(self):
        """Each operation again, from the same tensors into the same tensors."""
        for function, args, kwargs, result in self.operations:
            again = function(*args, **kwargs)
            if any(returned.alias_info is not None for returned in function._schema.returns):
                continue  # in place, or a view of what is there already
            for old, new in zip(*map(torch.utils._pytree.tree_leaves, (result, again)), strict=True):
                if isinstance(old, torch.Tensor):
                    old.copy_(new)


class TapeRecorder:
    """Records as a GPU does, on the CPU; but recording also does the work, so the first replay does nothing."""

    def __init__(self):
        self.plays = 0

    def warm_up(self, work):
        work()

    def record(self, work):
        with Tape() as tape:
            work()

        def replay():
            self.plays += 1
            if self.plays > 1:
                tape.play()

        return replay


@pytest.mark.parametrize("loss", CAPTURED)
def test_replayed_steps_equal_eager_ones(tiny_parameters, loss):
    """Losses, networks, momenta and queue after steps of which the last five are played from a tape."""
    parameters = tiny_parameters(loss=loss)
    batches = random_batches(WARM_UP_STEPS + 6)
    eager, eager_optimizer = learner_and_optimizer(parameters)
    expected = losses_of(training_step, eager, eager_optimizer, batches)

    learner, optimizer = learner_and_optimizer(parameters)
    recorder = TapeRecorder()
    losses = losses_of(CapturedStep(recorder), learner, optimizer, batches)

    assert recorder.plays == 6
    torch.testing.assert_close(losses, expected, rtol=1e-5, atol=1e-6)
    for name, value in learner.state_dict().items():
        torch.testing.assert_close(value, eager.state_dict()[name], rtol=1e-4, atol=1e-5, msg=name)
    momenta = zip(optimizer.state.values(), eager_optimizer.state.values(), strict=True)
    for one, other in momenta:
        torch.testing.assert_close(one["momentum_buffer"], other["momentum_buffer"], rtol=1e-3, atol=1e-5)
    assert isinstance(optimizer.param_groups[0]["lr"], float)  # as a checkpoint holds it


def test_a_number_from_the_host_would_be_played_again(tiny_parameters):
    """What the tape is for: with the rate as a number, replayed steps go on with the rate of the recording."""
    batches = random_batches(WARM_UP_STEPS + 4)
    learner, optimizer = learner_and_optimizer(tiny_parameters())
    expected = losses_of(training_step, learner, optimizer, batches)

    learner, optimizer = learner_and_optimizer(tiny_parameters())
    step = CapturedStep(TapeRecorder())

    def with_a_number(learner, optimizer, batch, progress=0.0):
        optimizer.param_groups[0].update(lr=float(step.rate), fused=False)
        return training_step(learner, optimizer, batch, progress)

    step.eager = with_a_number
    losses = losses_of(step, learner, optimizer, batches)
    assert torch.equal(losses[: WARM_UP_STEPS + 1], expected[: WARM_UP_STEPS + 1])
    assert not torch.allclose(losses[-1], expected[-1], rtol=1e-4)


def test_recording_that_fails_is_told_and_trained_through(tiny_parameters, capsys):
    class Failing(TapeRecorder):
        def record(self, work):
            raise RuntimeError("operation not permitted\nwhen stream is capturing")

    batches = random_batches(WARM_UP_STEPS + 3)
    learner, optimizer = learner_and_optimizer(tiny_parameters())
    expected = losses_of(training_step, learner, optimizer, batches)
    learner, optimizer = learner_and_optimizer(tiny_parameters())
    torch.testing.assert_close(losses_of(CapturedStep(Failing()), learner, optimizer, batches), expected)
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "operation not permitted when stream is capturing" in told


def test_on_the_cpu_the_step_is_the_eager_one(tiny_parameters):
    assert fastest_step(build_learner(tiny_parameters(), 3, CPU)) is training_step


@pytest.mark.parametrize("loss", [loss for loss in METHODS if loss != "bucsfr"])  # its draws need a GPU that is there
def test_a_step_on_a_gpu_waits_for_nothing(monkeypatch, tiny_parameters, loss):
    """All of it: step, watch for what is not finite, sum of losses. WCL alone must see its graph."""
    # what SANE mixes is drawn on the CPU, which is no more there than the GPU
    monkeypatch.setattr("maskcon.training.step.draw_mixture", lambda *_: (0.3, torch.arange(16)))
    learner = build_learner(tiny_parameters(loss=loss), 3, CPU)
    with pytest.raises(HostWait) if loss == "wcl" else nullcontext(), pretended_gpu():
        there(learner)
        optimizer = torch.optim.SGD(learner.trained_parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
        watch, so_far = NonFiniteSteps(learner, optimizer, allowed=2), EpochSoFar(GPU)
        batch = random_batches(1, GPU)[0]

        watch.before_step()
        loss_of_step = training_step(learner, optimizer, batch, 0.5)
        so_far.add(loss_of_step, watch.after_step(3, loss_of_step))
        assert so_far.loss_sum.device == GPU
        assert all(parameter.grad is not None for parameter in learner.trained_parameters())


@pytest.mark.parametrize(
    "waiting",
    [
        lambda tensor: tensor.sum().item(),
        lambda tensor: bool(tensor.any()),
        lambda tensor: tensor[tensor > 0],
        lambda tensor: tensor.nonzero(),
        lambda tensor: tensor.cpu(),
        lambda tensor: tensor + torch.ones(4).to(GPU),
        lambda tensor: tensor[tensor.argmax()],
    ],
)
def test_the_pretended_gpu_notices_waiting(waiting):
    with pytest.raises(HostWait), pretended_gpu():
        waiting(torch.ones(4, device=GPU))


@pytest.mark.parametrize(("loss", "captured"), [(loss, loss not in ON_HOST) for loss in METHODS])
def test_methods_say_what_keeps_them_from_a_graph(tiny_parameters, monkeypatch, capsys, loss, captured):
    monkeypatch.setattr(GraphRecorder, "__init__", lambda self: None)
    learner = build_learner(tiny_parameters(loss=loss), 3, CPU)
    with pretended_gpu():
        step = fastest_step(there(learner))
    told = capsys.readouterr().out
    if captured:
        assert isinstance(step, CapturedStep)
        assert told == ""
    else:
        assert step is training_step
        assert "without a CUDA graph" in told
        assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("loss", "combination"),
    [
        ("maskcon", {"loss.mixup": {"weight": 0.5, "beta": 1.0}}),
        ("maskcon", {"loss.negatives": {"margin": 0.1, "warmup_share": 0.1}}),
        ("supcon", {"loss.multi_crop": 2}),
    ],
)
def test_combinations_that_draw_on_the_host_keep_from_a_graph(tiny_parameters, loss, combination):
    assert build_learner(tiny_parameters(combination, loss=loss), 3, CPU).method.on_host


@pytest.mark.parametrize("loss", ["selfcon", "supcon", "grafit", "maskcon", "ascl"])
def test_memory_of_a_step_does_not_grow_with_the_coarse_classes(tiny_parameters, loss):
    """The same shapes, operation by operation, whether there are 3 coarse classes or 50,000."""

    def shapes(coarse_classes):
        torch.manual_seed(0)
        learner = build_learner(tiny_parameters(loss=loss), coarse_classes, CPU)
        optimizer = torch.optim.SGD(learner.trained_parameters(), lr=0.1)
        batch = dataclasses.replace(random_batches(1)[0], coarse=torch.arange(16) * (coarse_classes // 16 or 1))
        with Tape() as tape:
            training_step(learner, optimizer, batch)
        results = (torch.utils._pytree.tree_leaves(result) for *_, result in tape.operations)
        return [tuple(one.shape) for result in results for one in result if isinstance(one, torch.Tensor)]

    few, many = shapes(3), shapes(50_000)
    assert few == many
    assert max(torch.Size(shape).numel() for shape in few) < 50_000  # a mask [16, 50,000] would be larger by far


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("loss", CAPTURED)
def test_a_cuda_graph_gives_the_losses_of_eager_steps(tiny_parameters, loss, precision):
    parameters = tiny_parameters({"train.precision": precision}, loss=loss)
    device = torch.device("cuda")
    batches = random_batches(WARM_UP_STEPS + 6, device)
    eager, eager_optimizer = learner_and_optimizer(parameters, device)
    expected = losses_of(training_step, eager, eager_optimizer, batches)
    learner, optimizer = learner_and_optimizer(parameters, device)
    step = fastest_step(learner)
    losses = losses_of(step, learner, optimizer, batches)
    assert step.replay is not None
    tolerance = 1e-3 if precision == "float32" else 2e-2  # convolutions add in other orders
    torch.testing.assert_close(losses, expected, rtol=tolerance, atol=tolerance)
    assert int(learner.queue.position) == int(eager.queue.position)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("loss", CAPTURED)
def test_cuda_says_that_a_step_waits_for_nothing(tiny_parameters, loss):
    device = torch.device("cuda")
    learner, optimizer = learner_and_optimizer(tiny_parameters(loss=loss), device)
    first, second = random_batches(2, device)
    training_step(learner, optimizer, first)
    torch.cuda.set_sync_debug_mode("error")
    try:
        training_step(learner, optimizer, second)
    finally:
        torch.cuda.set_sync_debug_mode("default")
