"""requirements.lock, which the environment is installed from: what requirements.txt asks for, and checksums for all."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PIN = re.compile(r"([A-Za-z0-9._-]+)(?:\[[\w,-]+\])?==([^\s;]+)")
MAKE_AGAIN = "make it again with: make lock"


def normal(name: str) -> str:
    """As the package index compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def asked() -> dict[str, str]:
    lines = (REPOSITORY / "requirements.txt").read_text().splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    pins = [PIN.fullmatch(line) for line in wanted]
    assert all(pins), f"requirements.txt pins exact versions alone: {wanted}"
    return {normal(pin[1]): pin[2] for pin in pins}


@pytest.fixture(scope="module")
def locked() -> list[tuple[str, str, str]]:
    """Name, version and the rest of each entry of the lock."""
    text = (REPOSITORY / "requirements.lock").read_text()
    entries = re.split(r"\n(?=\S)", "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")))
    pins = [(PIN.match(entry), entry) for entry in entries]
    assert all(pin for pin, _ in pins), [entry for pin, entry in pins if not pin]
    return [(normal(pin[1]), pin[2], entry) for pin, entry in pins]


def test_the_lock_has_every_version_that_is_asked_for(asked, locked):
    versions: dict[str, set[str]] = {}
    for name, version, _ in locked:
        versions.setdefault(name, set()).add(version)
    assert {name: versions.get(name) for name in asked} == {name: {version} for name, version in asked.items()}, (
        MAKE_AGAIN
    )


def test_every_entry_of_the_lock_has_checksums(locked):
    assert len(locked) > 100
    without = [name for name, _, entry in locked if not re.search(r"--hash=sha256:[0-9a-f]{64}", entry)]
    assert without == [], MAKE_AGAIN


def test_the_lock_names_no_place_to_fetch_from(locked):
    assert not [entry for _, _, entry in locked if "://" in entry or re.search(r"^\s*-(i|f|-index|-find)", entry, re.M)]


def test_what_runs_is_what_is_locked(asked):
    """The environment of these tests was made from this lock."""
    from importlib.metadata import version

    assert {name: version(name).split("+")[0] for name in asked} == asked, "install again with: make environment"
