"""What several processes make of a trained encoder is what one makes of it, whole stages long."""

import os

import pytest

from maskcon.parameters.errors import UserError
from maskcon.runtime import several_processes
from maskcon.runtime.several_processes import done_by_several
from tests.stages.shared_stages import STAGES, outputs, parameters, prepared, run_stage_in
from tests.support.joined_processes import run_joined

pytestmark = pytest.mark.slow

WRITTEN = {f"embeddings/{part}/{name}.npy" for part in ("train", "val", "test") for name in ("encoder", "pixels")} | {
    "embeddings/test/labels.csv",
    "embeddings/test/snapshots/epoch_0001.npy",
    "metrics/retrieval_in_full.json",
    "metrics/measures_in_full.json",
    "plots/recall_over_epochs.csv",
}


def test_every_file_of_three_stages_is_the_same(tmp_path):
    alone, together = prepared(tmp_path / "alone"), prepared(tmp_path / "together")
    for stage in STAGES:
        run_joined(1, run_stage_in, alone, stage)
        run_joined(3, run_stage_in, together, stage)
    expected = outputs(alone)
    assert set(expected) >= WRITTEN
    assert outputs(together) == expected
    for stage in STAGES:
        said = (alone / f"printed/{stage}_0").read_text()
        assert said
        assert [(together / f"printed/{stage}_{rank}").read_text() for rank in range(3)] == [said, "", ""]


def test_what_killed_processes_and_an_older_training_left_goes(tmp_path):
    folder = prepared(tmp_path)
    (folder / "embeddings/val/snapshots").mkdir(parents=True)
    old = [folder / "embeddings/val" / name for name in (".encoder.npy.7.part", "snapshots/epoch_0099.npy")]
    for file in old:
        file.touch()
    run_joined(1, run_stage_in, folder, "embed")
    assert not any(file.exists() for file in old)


@pytest.mark.parametrize(("stage", "started"), [("embed", 5), ("evaluate", 5), ("measure", 3)])
def test_a_stage_starts_as_many_as_it_has_work_for(monkeypatch, stage, started):
    calls = []
    monkeypatch.setattr(several_processes, "run_as_several", lambda *call: calls.append(call))
    values = parameters()
    several = values.train.model_copy(update={"processes": 5})
    STAGES[stage].main(values.model_copy(update={"train": several}))
    assert calls == [(f"stages.{stage}", started)]


def test_one_process_and_one_of_several_do_the_work_themselves(monkeypatch):
    monkeypatch.setattr(several_processes, "run_as_several", lambda *call: pytest.fail("started several"))
    assert not done_by_several("stages.embed", 1)
    monkeypatch.setitem(os.environ, "WORLD_SIZE", "2")
    assert not done_by_several("stages.embed", 2)


def test_a_damaged_file_ends_all_and_nothing_is_written(tmp_path):
    folder = prepared(tmp_path)
    run_joined(1, run_stage_in, folder, "embed")
    (folder / "embeddings/test/untrained.npy").write_bytes(b"torn")
    before = outputs(folder)
    with pytest.raises(Exception, match=r"untrained\.npy cannot be read") as raised:
        run_joined(2, run_stage_in, folder, "evaluate")
    assert UserError.__name__ in str(raised.value)
    assert outputs(folder) == before
