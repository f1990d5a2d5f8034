"""A grid through a real Slurm of one node: a job that is killed, and a second call that runs what is missing alone."""

import contextlib
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.pipeline_copies import copy_checkout
from tests.support.servers import free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.pipeline,
    pytest.mark.skipif(
        shutil.which("slurmctld") is None or os.geteuid() != 0,
        reason="needs root and: apt-get install slurm-wlm munge",
    ),
]
PATIENCE = 1200  # seconds; a minute or two is enough on a machine that is free
GRID = """
settings: [data=digits, "evaluate.measures=[]", train.epochs=1, train.warmup_epochs=0]
datasets:
  digits: {seeds: [1, 2]}
methods:
  supcon: {values: [{temperature: 0.2}]}
"""
CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={control_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory=1000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""

MUNGE_FILES = {"socket": "munge.socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}


@pytest.fixture
def slurm():
    """The environment in which sbatch finds a cluster of this machine."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # not below pytest's, which others may not enter
    shutil.chown(folder, "munge")  # munge's daemon trusts no folder of others
    folder.chmod(0o755)
    (folder / "key").write_bytes(secrets.token_bytes(1024))
    (folder / "key").chmod(0o400)
    shutil.chown(folder / "key", "munge")
    host, ports = socket.gethostname().split(".")[0], {"control_port": free_port(), "node_port": free_port()}
    text = CONFIGURATION.format(host=host, folder=folder, cores=os.cpu_count(), **ports)
    (folder / "slurm.conf").write_text(text)
    environment = {"SLURM_CONF": str(folder / "slurm.conf")}
    munge = [f"--{name}={folder}/{file}" for name, file in MUNGE_FILES.items()]
    with (
        daemon(["munged", "--foreground", "--force", *munge], pwd.getpwnam("munge").pw_uid, {}),
        daemon(["slurmctld", "-D"], 0, environment),
        daemon(["slurmd", "-D"], 0, environment),
    ):
        wait_for(lambda: "idle" in printed(["sinfo", "--noheader", "--format=%T"], environment), patience=120)
        yield environment
    shutil.rmtree(folder)


@contextlib.contextmanager
def daemon(command, user, environment):
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()


def printed(command, environment) -> str:
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True).stdout


def wait_for(there, patience=PATIENCE):
    end = time.monotonic() + patience
    while not (found := there()):
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.2)
    return found


@pytest.mark.fault
def test_a_killed_job_is_told_and_the_second_call_runs_it_alone(tmp_path, slurm):
    copy = copy_checkout(tmp_path / "copy")
    (copy.folder / "grids/small.yaml").write_text(GRID)
    copy.commit("A grid")
    command = ["python", "-m", "maskcon", "grid", "grids/small.yaml", "--engine", "slurm"]
    command += ["--slurm", "partition=main", "cpus_per_task=1"]

    def kill_the_second():
        log = wait_for(lambda: next(copy.folder.glob("grids/logs/small/*seed-2*.log"), None))
        wait_for(lambda: b"Running stage 'pretrain'" in log.read_bytes())
        [job] = printed(["squeue", "--noheader", "--format=%A"], slurm).split()
        subprocess.run(["scancel", "--signal=KILL", job], env={**os.environ, **slurm}, check=True)

    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(kill_the_second)
        with pytest.raises(AssertionError) as failed:
            copy.run(*command, timeout=PATIENCE, **slurm)
        killed.result()
    assert "1 of 2 runs are complete" in str(failed.value)
    assert "failed: digits supcon temperature=0.2 seed 2 on test" in str(failed.value)

    told = copy.run(*command, timeout=PATIENCE, **slurm)
    assert "score: 1 of 2 runs on record, 1 to run" in told
    assert "2 of 2 runs are complete" in told
