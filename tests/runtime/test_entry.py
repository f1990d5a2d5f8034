import errno
import gc
import subprocess
import sys

import pytest

from maskcon.parameters.errors import UserError
from maskcon.runtime.entry import run_stage


@pytest.fixture
def checkout(repository, tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_text((repository / "params.yaml").read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_stage_gets_the_checked_parameters(checkout):
    seen = []
    run_stage(seen.append)
    assert seen[0].data.name == "two_digits"


@pytest.mark.slow
def test_garbage_is_not_collected_until_work_begins(checkout, repository):
    loads = "import gc, sys; sys.argv[0] = '-m'; import stages; print(gc.isenabled())"
    told = subprocess.run([sys.executable, "-c", loads], cwd=repository, capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"
    seen = []
    gc.disable()
    try:
        run_stage(lambda parameters: seen.append(gc.isenabled()))
    finally:
        gc.enable()
        gc.unfreeze()
    assert seen == [True]


def test_mistake_of_a_user_ends_as_a_sentence(checkout, capsys):
    def stage(parameters):
        raise UserError("the cat is missing; feed it")

    with pytest.raises(SystemExit) as ended:
        run_stage(stage)
    assert ended.value.code == 2
    assert capsys.readouterr() == ("", "error: the cat is missing; feed it\n")


@pytest.mark.parametrize("fault", [ZeroDivisionError(), RuntimeError("shapes do not match"), FileNotFoundError("a")])
def test_fault_of_the_program_keeps_its_traceback(checkout, fault):
    def stage(parameters):
        raise fault

    with pytest.raises(type(fault)):
        run_stage(stage)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError(
            "[enforce fail] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
        ),
    ],
)
def test_too_little_memory_is_a_sentence(checkout, capsys, error):
    def stage(parameters):
        raise error

    with pytest.raises(SystemExit) as ended:
        run_stage(stage)
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line == "error: the memory of the computer is too small for this; free some, or run on a larger machine"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_disk_that_is_full_or_read_only_is_a_sentence(checkout, capsys, number):
    def stage(parameters):
        raise OSError(number, "the reason", "embeddings/test/labels.csv")

    with pytest.raises(SystemExit) as ended:
        run_stage(stage)
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: embeddings/test/labels.csv: the reason; free some space or make the folder writable")


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory as Linux does")
def test_training_without_memory_names_what_to_lower(checkout, repository):
    """A process that may not take more than 300 MB beyond what it has, and batches that need more."""
    script = """
import resource
from stages.pretrain import enough_memory
from maskcon.parameters.model import load_parameters
from maskcon.parameters.errors import UserError
from pathlib import Path
import torch
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 300_000_000, taken + 300_000_000))
try:
    with enough_memory(load_parameters(Path("params.yaml"))):
        torch.ones(200_000_000)
except UserError as error:
    print(error)
"""
    run = subprocess.run(
        [sys.executable, "-c", script],
        cwd=checkout,
        env={"PYTHONPATH": str(repository), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert run.stdout == (
        "the memory of the computer is too small for this training; lower train.batch_size=128, train.queue_size=2048, "
        "or data.height=16 and data.width=24\n"
    ), run.stderr
