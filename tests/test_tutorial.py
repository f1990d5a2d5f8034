"""docs/tutorial.md: the values that it sets are allowed, the files and functions that it names are there."""

import inspect
import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from maskcon.composition import compose
from maskcon.embeddings import embed
from maskcon.encoders import load_encoder

REPOSITORY = Path(__file__).resolve().parents[1]
TUTORIAL = (REPOSITORY / "docs/tutorial.md").read_text()
SETS = re.findall(r'make params SET="([^"]+)"', TUTORIAL)
EXPERIMENTS = re.findall(r"^    (dvc exp run .*)$", TUTORIAL, re.MULTILINE)


@pytest.mark.parametrize("choices", SETS)
def test_what_is_composed_is_allowed(choices):
    assert "name: folder" in compose(REPOSITORY / "conf", choices.split())


@pytest.mark.parametrize("command", EXPERIMENTS)
def test_what_is_swept_is_allowed(command):
    words = shlex.split(command)
    swept = [word for flag, word in pairwise(words) if flag == "-S"]
    assert swept
    for word in swept:
        key, values = word.split("=")
        for value in values.split(","):
            assert compose(REPOSITORY / "conf", [*SETS[0].split(), f"{key}={value}"])


def test_the_functions_take_what_is_shown():
    inspect.signature(load_encoder).bind("path", "device")
    inspect.signature(embed).bind("encoder", "images", channels=3, device="cpu")
    assert (SETS, EXPERIMENTS) != ([], [])
