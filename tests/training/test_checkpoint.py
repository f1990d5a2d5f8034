import pytest
import torch

from maskcon.parameters.errors import UserError
from maskcon.training.checkpoint import Checkpoints


def state(epoch):
    generator = torch.Generator().manual_seed(epoch)
    return {
        "learner": {"weight": torch.rand(50, 3, generator=generator), "position": torch.tensor(epoch)},
        "optimizer": {
            "state": {0: {"momentum_buffer": torch.rand(3, generator=generator)}},
            "param_groups": [{"lr": 0.1}],
        },
        "curve": [{"epoch": e, "loss": e / 7, "seconds": 0.1} for e in range(1, epoch + 1)],
    }


def assert_same(one, other):
    assert one.keys() == other.keys() == state(1).keys()
    for name in ("weight", "position"):
        assert torch.equal(one["learner"][name], other["learner"][name])
    assert torch.equal(
        one["optimizer"]["state"][0]["momentum_buffer"], other["optimizer"]["state"][0]["momentum_buffer"]
    )
    assert one["optimizer"]["param_groups"] == other["optimizer"]["param_groups"]
    assert one["curve"] == other["curve"]


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path / "run")


def files(checkpoints):
    return sorted(checkpoints.folder.iterdir())


def damage_bit(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


DAMAGES = {
    "one bit": damage_bit,
    "torn": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
}


def test_nothing_there_is_nothing_to_resume(checkpoints):
    assert checkpoints.load_latest() is None


def test_newest_counts_and_two_are_kept(checkpoints):
    for epoch in (1, 2, 9, 10, 100):
        checkpoints.save(epoch, state(epoch))
        assert_same(checkpoints.load_latest(), state(epoch))
    assert [file.name for file in files(checkpoints)] == ["step_000000010.ckpt", "step_000000100.ckpt"]


@pytest.mark.fault
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_newest_is_named_and_passed_over(checkpoints, capsys, damage):
    for epoch in (4, 5):
        checkpoints.save(epoch, state(epoch))
    newest = files(checkpoints)[-1]
    DAMAGES[damage](newest)
    assert_same(checkpoints.load_latest(), state(4))
    captured = capsys.readouterr()
    assert f"warning: checkpoint {newest} is damaged" in captured.err
    assert captured.out == ""
    DAMAGES[damage](files(checkpoints)[0])
    assert checkpoints.load_latest() is None


@pytest.mark.fault
@pytest.mark.parametrize(("damaged", "done_again"), [([8], [5, 6, 7]), ([4, 8], [1, 2, 3])])
def test_damaged_later_files_never_displace_what_is_saved_now(checkpoints, damaged, done_again):
    for epoch in (4, 8):
        checkpoints.save(epoch, state(epoch))
    for epoch in damaged:
        damage_bit(checkpoints.folder / f"step_{epoch:09d}.ckpt")
    for epoch in done_again:
        checkpoints.save(epoch, state(epoch))
        assert_same(checkpoints.load_latest(), state(epoch))
    assert [file.name for file in files(checkpoints)] == [f"step_{epoch:09d}.ckpt" for epoch in done_again[-2:]]


@pytest.mark.fault
def test_failed_save_leaves_the_one_before(checkpoints, monkeypatch):
    checkpoints.save(1, state(1))
    (checkpoints.folder / ".step_000000002.ckpt.123.part").write_bytes(b"half")  # of a process that was killed

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match="No space left"):
        checkpoints.save(2, state(2))
    assert_same(checkpoints.load_latest(), state(1))
    assert len(list(checkpoints.folder.glob("step_*"))) == 1
