"""git, called in a folder: asked, where no answer is one too, or told, where a failure is said.

commit = asked(folder, "rev-parse", "HEAD")
told(folder, "reset", "--quiet")
"""

import subprocess
from pathlib import Path

from maskcon.parameters.errors import UserError


def asked(folder: Path, *words: str) -> str:
    """What git prints: nothing where it fails, or there is no git."""
    try:
        run = _run(folder, *words)
    except OSError:
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""


def told(folder: Path, *words: str) -> str:
    """What git prints. Raises: UserError, where it fails."""
    run = _run(folder, "-c", "user.name=maskcon", "-c", "user.email=maskcon", *words)  # of commits that it makes
    if run.returncode:
        raise UserError(
            f"git {words[0]} ended with: {run.stderr.strip()}; put that right and run the same command again"
        )
    return run.stdout.strip()


def _run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, errors="replace")
