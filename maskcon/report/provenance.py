"""What a run came from: commit, DVC experiment, versions.

provenance(checkout, os.environ)["git.commit"]
"""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from maskcon.runtime.git import asked

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "pillow", "pandas", "dvc", "mlflow")
# Parameters are recorded by value, and dvc.lock is written by the run itself: neither makes a commit dirty.
RECORDED_FILES = ("params.yaml", "dvc.lock")


def provenance(checkout: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Tags for a run. In a DVC experiment the commit is the one that the experiment started from."""
    baseline = environment.get("DVC_EXP_BASELINE_REV", "")
    tags = {
        "git.commit": baseline or asked(checkout, "rev-parse", "HEAD") or "unknown",
        "git.dirty": str(_is_dirty(checkout, baseline or "HEAD")).lower(),
        "version.python": platform.python_version(),
        "platform": platform.platform(),
        **{f"version.{package}": _version(package) for package in PACKAGES},
    }
    if baseline:
        tags["dvc.baseline_rev"] = baseline
    return tags


def _is_dirty(checkout: Path, commit: str) -> bool:
    """True where code or configuration differs from the commit."""
    others = [f":(exclude){file}" for file in RECORDED_FILES]
    changed = asked(checkout, "diff", "--name-only", commit, "--", ".", *others)
    untracked = asked(checkout, "ls-files", "--others", "--exclude-standard", "--", ".", *others)
    return bool(changed or untracked)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
