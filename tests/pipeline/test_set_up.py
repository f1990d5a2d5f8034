"""set_up.sh on machines that have what is needed, and on machines that lack one thing; with a made-up Python."""

import shutil
import subprocess
from pathlib import Path

import pytest

SET_UP = Path(__file__).resolve().parents[2] / "set_up.sh"
TOOLS = ("sh", "dirname", "awk", "cmp", "ls", "cp", "rm", "mkdir", "git", "cat")

# Says its version, makes a folder for an environment, and writes down what it is asked to install.
PYTHON = """\
#!/bin/sh
case "$*" in
    --version) echo "Python {version}" ;;
    *version_info*) exit {too_old} ;;
    *ensurepip*) exit {no_venv} ;;
    "-m venv"*) mkdir -p .venv/bin .venv/lib/python3/site-packages && cp "$0" .venv/bin/python ;;
    "-m pip install"*--require-hashes*) cat requirements.lock >> installed.txt; exit {no_network} ;;
    "-m pip install"*"--no-index"*"--editable .") echo itself >> installed.txt ;;
esac
"""


class Machine:
    """A git checkout, a PATH that holds the tools and nothing else, and a way to put programs there."""

    def __init__(self, folder: Path):
        self.programs, self.checkout = folder / "programs", folder / "checkout with a space"
        self.programs.mkdir()
        for tool in TOOLS:
            (self.programs / tool).symlink_to(shutil.which(tool))
        self.add_disk(free_gb=100)
        self.checkout.mkdir()
        shutil.copy(SET_UP, self.checkout)
        (self.checkout / "requirements.lock").write_text("torch==1\n")
        git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "a"]):
            subprocess.run([*git, *command], cwd=self.checkout, check=True)

    def add(self, name: str, text: str) -> None:
        (self.programs / name).unlink(missing_ok=True)
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def add_python(self, name="python3", version="3.11.7", too_old=0, no_venv=0, no_network=0) -> None:
        text = PYTHON.format(version=version, too_old=too_old, no_venv=no_venv, no_network=no_network)
        self.add(name, text)

    def add_disk(self, free_gb: int) -> None:
        lines = f"Filesystem blocks used available\n/dev/x 9 9 {free_gb * 1024 * 1024} 9% /"
        self.add("df", f"#!/bin/sh\ncat <<END\n{lines}\nEND\n")

    def set_up(self) -> subprocess.CompletedProcess:
        path = {"PATH": str(self.programs), "GIT_CEILING_DIRECTORIES": str(self.checkout.parent)}
        return subprocess.run(["./set_up.sh"], cwd=self.checkout, env=path, capture_output=True, text=True, timeout=60)

    def installed(self) -> list[str]:
        file = self.checkout / "installed.txt"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.mark.fault
def test_installs_once_and_again_when_cut_short_or_the_requirements_change(machine):
    machine.add_python(no_network=1)
    run = machine.set_up()
    assert run.returncode == 2
    assert "the same command tries again" in run.stderr
    shutil.rmtree(machine.checkout / ".venv")

    machine.add_python()
    assert machine.set_up().returncode == 0
    (machine.checkout / "requirements.lock").touch()  # another time, the same content
    again = machine.set_up()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert machine.installed() == ["torch==1", "torch==1", "itself"]

    (machine.checkout / "requirements.lock").write_text("torch==2\n")
    machine.set_up()
    assert machine.installed()[3:] == ["torch==2", "itself"]


@pytest.mark.fault
def test_programs_that_are_old_or_do_not_run_are_passed_over(machine):
    machine.add("python3.13", "#!/bin/sh\necho 'command not found' >&2; exit 127\n")
    machine.add_python("python3.12", version="3.12.1")
    machine.add_python("python3", version="3.9.2", too_old=1)
    assert "Python 3.12.1" in machine.set_up().stdout


@pytest.mark.fault
@pytest.mark.parametrize(
    ("python", "lacking", "said"),
    [
        ({"version": "3.9.2", "too_old": 1}, None, "Python 3.11.4 or newer is needed, found: Python 3.9.2"),
        (None, None, "Python 3.11.4 or newer is needed, found: none that runs"),
        ({"no_venv": 1}, None, "python3 cannot make environments"),
        ({}, "programs/git", "git is needed"),
        ({}, "checkout with a space/.git", "get the project with git clone"),
        ({}, "disk", "needs about 8 GB of disk, only 3 GB are free"),
    ],
)
def test_what_is_lacking_is_said_in_one_sentence(machine, python, lacking, said):
    if python is not None:
        machine.add_python(**python)
    if lacking == "disk":
        machine.add_disk(free_gb=3)
    elif lacking:
        path = machine.checkout.parent / lacking
        path.unlink() if path.is_symlink() else shutil.rmtree(path)
    run = machine.set_up()
    assert run.returncode == 2
    [line] = run.stderr.splitlines()
    assert line.startswith("error: ")
    assert said in line
    assert machine.installed() == []


@pytest.mark.fault
@pytest.mark.parametrize("name", ["a?b", "a#b", "für", "100% 'it'", "a{b}"])
def test_names_of_folders_in_which_dvc_fails_are_told(machine, name):
    machine.add_python()
    machine.checkout = machine.checkout.rename(machine.checkout.with_name(name))
    run = machine.set_up()
    if "{" in name:
        assert (run.returncode, machine.installed()) == (2, [])
        assert run.stderr == "error: DVC fails in folders whose path holds { or }; move the checkout\n"
    else:
        assert run.returncode == 0
        assert ("where dvc exp run --temp and --queue fail" in run.stdout) == ("%" not in name)
