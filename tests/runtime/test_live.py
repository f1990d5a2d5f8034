import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from maskcon.runtime.atomic_files import write_table
from maskcon.runtime.live import show_live_curves
from maskcon.tracking.record import Inputs, record_run
from tests.support.running import wait_until
from tests.tracking.finished_checkout import CURVE, parameters_with
from tests.tracking.recorded_runs import all_runs, assert_complete_without_doubles, history

REPOSITORY = Path(__file__).resolve().parents[2]


def points(store, name: str = "pretrain/loss"):
    return [point for run in all_runs(store) for point in history(store, run, name)]


def training(checkout: Path, curve: Path, then: str, **environment: str) -> subprocess.Popen:
    """A process that writes one epoch in a followed block and then runs ``then``."""
    script = textwrap.dedent(f"""\
        import time
        from pathlib import Path
        from maskcon.runtime.live import show_live_curves
        with show_live_curves(Path({str(curve)!r}), Path({str(checkout)!r}), enabled=True):
            Path({str(curve)!r}).write_text("epoch,loss,seconds\\n1,3.5,1.25\\n")
            {then}
        """)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), **environment}
    return subprocess.Popen([sys.executable, "-c", script], env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.fault
@pytest.mark.slow
def test_a_killed_training_is_seen_as_such_and_taken_up_again(store, checkout, tmp_path):
    inputs = Inputs.of(checkout, parameters_with())
    curve = tmp_path / "curve.csv"
    process = training(checkout, curve, "time.sleep(120)")
    wait_until(lambda: points(store) == [(1, 3.5)])
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    with store.writing(inputs.hash, wait=60):  # free once the follower has gone
        pass
    assert [run.info.status for run in all_runs(store)] == ["KILLED"]

    with show_live_curves(curve, checkout, enabled=True):
        slower = {**CURVE[0], "seconds": 9.0, "images_per_second": 100.0}  # the epoch again, at another speed
        write_table(curve.with_suffix(".part"), [slower, *CURVE[1:]])
        curve.with_suffix(".part").replace(curve)
        wait_until(lambda: len(points(store)) == 3)
        assert [run.info.status for run in all_runs(store)] == ["RUNNING"]
    with store.writing(inputs.hash, wait=60):  # free once the follower has gone
        pass
    assert [run.info.status for run in all_runs(store)] == ["RUNNING"]
    record_run(store, inputs, checkout, {})

    [run] = all_runs(store)
    assert_complete_without_doubles(store, run)
    assert history(store, run, "pretrain/seconds") == [(1, 1.25), (2, 1.0), (3, 1.5)]


@pytest.mark.fault
@pytest.mark.slow
def test_a_server_that_does_not_answer_costs_one_line(checkout, tmp_path):
    process = training(
        checkout,
        tmp_path / "curve.csv",
        "print('trained')",
        MLFLOW_TRACKING_URI="http://127.0.0.1:9",
        MLFLOW_HTTP_REQUEST_MAX_RETRIES="0",
    )
    _, errors = process.communicate(timeout=60)  # returns once the follower has closed its end too

    assert process.returncode == 0
    [line] = errors.strip().splitlines()
    assert line == (
        "warning: no live curves for now: the MLflow store http://127.0.0.1:9 does not work (Connection refused). "
        "Training goes on; the stage track records it all."
    )
    assert not (checkout / "mlflow" / "mlflow.db").exists()


def test_nothing_happens_where_it_is_switched_off(checkout, tmp_path, monkeypatch):
    def never(*arguments, **options):
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", never)
    with show_live_curves(tmp_path / "curve.csv", checkout, enabled=False):
        pass


@pytest.mark.fault
def test_the_error_of_training_is_not_swallowed(store, checkout, tmp_path):
    with pytest.raises(FloatingPointError), show_live_curves(tmp_path / "curve.csv", checkout, enabled=True):
        raise FloatingPointError("the loss is not finite")
