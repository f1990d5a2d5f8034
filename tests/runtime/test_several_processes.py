"""The stage as several processes: one that dies, Ctrl-C, and the same run gone on with by another number of processes.

The tests build on one another, in the order of the file: they run together or not at all.
"""

import json
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import psutil
import pytest

import maskcon.training.run
from maskcon.images.packed.image_set import LABEL_COLUMNS, write_set
from maskcon.parameters.errors import LOST_EXIT_CODE, USER_ERROR_EXIT_CODE, Interrupted, UserError
from maskcon.parameters.model import check_parameters
from maskcon.runtime.interruption import Interruptions
from maskcon.runtime.several_processes import first_cause, told
from maskcon.training.loop import train
from maskcon.training.processes import Processes, require_shares
from stages.pretrain import main
from tests.conftest import REPOSITORY, small_training_set, values_for_tests
from tests.support.running import Running, newest_step
from tests.tracking.finished_checkout import make_checkout

EPOCHS = 400  # far more than are waited for


def failure(exitcode):
    return SimpleNamespace(exitcode=exitcode)


class Training(Running):
    """``python -m stages.pretrain`` in a small checkout."""

    def __init__(self, checkout: Path, processes: int):
        (checkout / "params.yaml").write_text(json.dumps(values(EPOCHS, processes)))
        environment = {name: value for name, value in os.environ.items() if name not in ("DVC_STAGE", "DVC_ROOT")}
        environment |= {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
        super().__init__([sys.executable, "-m", "stages.pretrain"], checkout, environment)

    def workers(self) -> dict[int, psutil.Process]:
        """The processes that train, by rank."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        by_rank = [(process.environ().get("RANK"), process) for process in children]
        return {int(rank): process for rank, process in by_rank if rank is not None}

    def end(self) -> tuple[int, str]:
        """Exit code and what was printed."""
        return self.process.wait(timeout=300), self.text()


def values(epochs: int, processes: int) -> dict:
    """Epochs of 5 steps; the run is the same whatever the number of processes."""
    changes = {"train.epochs": epochs, "train.processes": processes, "train.snapshot_epochs": 0}
    return values_for_tests(changes | {"evaluate.measures": ["knn"]}, loss="coins")  # whose code is in the checkout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """What the stage reads: parameters, dvc.yaml with the code it names, and the packed training set."""
    folder = make_checkout(tmp_path_factory.mktemp("several"))
    (folder / "coarse_labels/two_digits.csv").write_text("fine,coarse\n")
    images = small_training_set()
    rows = pd.DataFrame({name: np.zeros(80, dtype=int) for name in LABEL_COLUMNS})
    rows["coarse"], rows["coarse_name"] = images.coarse, [images.coarse_names[label] for label in images.coarse]
    rows["height"], rows["width"] = 16, 24
    write_set(folder / "data/sets/two_digits/train", rows, [images.images], 16, 24)
    return folder


@pytest.mark.fault
@pytest.mark.slow
def test_a_process_that_is_killed_ends_all_with_a_sentence(checkout):
    training = Training(checkout, processes=2)
    training.wait_for_step(5)
    workers = training.workers()
    assert sorted(workers) == [0, 1]
    workers[1].kill()
    code, text = training.end()
    assert code == USER_ERROR_EXIT_CODE
    assert "error: process 2 of 2 was ended from outside (SIGKILL;" in text
    assert "Traceback" not in text
    assert not psutil.wait_procs(workers.values(), timeout=60)[1]


@pytest.mark.fault
@pytest.mark.slow
def test_ctrl_c_ends_all_at_one_step_with_its_checkpoint(checkout):
    before = newest_step(checkout)
    assert before >= 5
    training = Training(checkout, processes=2)
    training.wait_for_step(before + 5)
    workers = training.workers()
    os.killpg(training.process.pid, signal.SIGINT)
    code, text = training.end()
    assert code == 128 + signal.SIGINT
    assert text.count("interrupted (SIGINT): the same command goes on where this one ended") == 1
    assert f"resumed after epoch {before // 5}" in text
    assert "Traceback" not in text
    assert "death signal" not in text
    assert not psutil.wait_procs(workers.values(), timeout=60)[1]


@pytest.mark.fault
@pytest.mark.slow
def test_one_process_goes_on_where_two_ended(checkout, monkeypatch):
    """The folder of checkpoints is the same, and nothing in it belongs to a rank."""
    before = newest_step(checkout)
    answers = iter([None, None, Interrupted(signal.SIGTERM)])
    monkeypatch.chdir(checkout)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setattr(
        maskcon.training.run, "train", lambda *inputs: train(*inputs[:5], lambda: next(answers), inputs[6])
    )
    with pytest.raises(Interrupted, match="SIGTERM"):
        main(check_parameters(values(EPOCHS, 1)), Interruptions({}))
    assert newest_step(checkout) == before + 3


@pytest.mark.fault
def test_the_cause_is_the_process_that_did_not_lose_another():
    lost, other, killed = failure(LOST_EXIT_CODE), failure(USER_ERROR_EXIT_CODE), failure(-signal.SIGKILL)
    assert first_cause({0: lost, 1: other}) == (1, other)
    assert first_cause({0: other, 1: other}) == (0, other)
    assert first_cause({0: lost, 2: killed}) == (2, killed)
    assert first_cause({0: lost}) == (0, lost)
    assert first_cause({0: failure(-signal.SIGTERM), 1: killed}) == (1, killed)
    assert first_cause({0: failure(128 + signal.SIGTERM), 1: other}) == (1, other)


@pytest.mark.fault
def test_the_error_of_another_process_is_shown(tmp_path):
    log = tmp_path / "attempt_0/1/stderr.log"
    log.parent.mkdir(parents=True)
    log.write_text("error: images.npy cannot be read\n")
    shown = told(1, 2, failure(USER_ERROR_EXIT_CODE), tmp_path)
    assert shown == "process 2 of 2 ended the others:\nerror: images.npy cannot be read\n"


@pytest.mark.fault
@pytest.mark.parametrize(
    ("changes", "part"),
    [({"train.processes": 3}, "multiple of 3"), ({"train.processes": 4, "train.accumulate": 4}, "at least 32")],
)
def test_a_batch_that_cannot_be_shared_is_refused(changes, part):
    with pytest.raises(UserError, match=rf"train\.batch_size=16 must be a .*{part}"):
        check_parameters(values_for_tests(changes))


@pytest.mark.fault
def test_torchrun_with_such_a_number_of_processes_is_refused():
    processes = Processes()
    processes.number = 3
    with pytest.raises(UserError, match=r"train\.batch_size=16 must be a multiple of 3.*3 processes"):
        require_shares(check_parameters(values_for_tests()).train, processes)
