"""requirements.lock, which the environment is installed from: what requirements.txt asks for, and checksums for all."""

import re
from importlib.metadata import version
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ASKED = dict(re.findall(r"(?m)^([\w.-]+)==(\S+)", (REPOSITORY / "requirements.txt").read_text()))
LOCK = (REPOSITORY / "requirements.lock").read_text()


def test_the_lock_has_what_is_asked_for_and_so_has_the_environment():
    locked = dict(re.findall(r"(?m)^([\w.-]+)==([^\s;]+)", LOCK))
    assert {name: locked.get(name.replace(".", "-")) for name in ASKED} == ASKED, "make it again with: make lock"
    assert {name: version(name).split("+")[0] for name in ASKED} == ASKED, "install again with: make environment"


def test_the_lock_has_checksums_and_names_no_place_to_fetch_from():
    entries = re.split(r"\n(?=\S)", re.sub(r"(?m)^ *#.*\n", "", LOCK).strip())
    assert len(entries) > 100
    assert [one for one in entries if not re.match(r"[\w.-]+==.*--hash=sha256:[0-9a-f]{64}", one, re.DOTALL)] == []
    assert "://" not in LOCK
