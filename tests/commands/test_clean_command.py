import json
import subprocess
import sys

import pytest
from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from dvc.utils.serialize import dump_yaml, load_yaml

from maskcon.__main__ import main


@pytest.fixture
def lock(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    lock = tmp_path / ".dvc/tmp/rwlock"
    lock.parent.mkdir(parents=True)
    return lock


@pytest.mark.fault
@pytest.mark.parametrize("torn", ["", '{"/photos": {"wri'])
def test_a_torn_lock_of_dvc_is_removed_and_a_whole_one_is_not(lock, capsys, torn):
    lock.write_text('{"/photos": {"write": {}}}')
    main(["clean", "--lock"])
    assert lock.exists()
    lock.write_text(torn)
    main(["clean", "--lock"])
    assert not lock.exists()
    assert "which an interrupted DVC had left torn" in capsys.readouterr().out


@pytest.mark.fault
def test_a_lock_is_removed_once_no_holder_runs(lock):
    """The number of one that was killed may be another process's by now."""
    with subprocess.Popen([sys.executable, "-c", "input()", "repro"], stdin=subprocess.PIPE) as running:
        for command, stays in (("/bin/dvc repro", True), ("/bin/dvc repro -f", False)):
            holder = {"pid": running.pid, "cmd": command}
            lock.write_text(json.dumps({"write": {"/photos": holder}, "read": {"/code": [holder | {"pid": 2**30}]}}))
            main(["clean", "--lock"])
            assert lock.exists() == stays
        running.communicate(b"\n")


@pytest.mark.fault
def test_a_record_of_stages_that_is_cut_anywhere_is_mended(lock, tmp_path):
    """As DVC writes it; it may lose stages, which run again, and is never one that DVC refuses."""
    record = tmp_path / "dvc.lock"
    stages = {name: stage_on_record() for name in ("coarse", "measure@few_shot", "track")}
    dump_yaml(str(record), {"schema": "2.0", "stages": stages})
    whole = record.read_bytes()
    for length in range(len(whole) + 1):
        record.write_bytes(whole[:length])
        main(["clean", "--lock"])
        if record.exists():
            left = COMPILED_LOCKFILE_SCHEMA(load_yaml(str(record))).get("stages", {})
            assert list(left) == list(stages)[: len(left)]
            assert all(left[name] == stages[name] for name in list(left)[:-1])
    assert record.read_bytes() == whole


def stage_on_record():
    deps, outs = (
        [{"path": path, "hash": "md5", "md5": "0123456789abcdef.dir", "size": 1_000}] for path in ("a", "für")
    )
    return {"cmd": "python -m stages.x", "deps": deps, "params": {"params.yaml": {"seed": 1, "w": None}}, "outs": outs}


@pytest.mark.fault
def test_a_torn_lock_stays_while_dvc_runs(lock, tmp_path, refusal):
    lock.write_text("{")
    (tmp_path / "dvc").write_text("input()")
    with subprocess.Popen([sys.executable, "dvc"], stdin=subprocess.PIPE, cwd=tmp_path) as dvc:
        said = refusal("clean", "--lock")
        dvc.communicate(b"\n")
    assert f"DVC runs here as process {dvc.pid}" in said
    assert lock.exists()
