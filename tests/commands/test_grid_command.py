"""python -m maskcon grid: what is refused before anything is run."""

import argparse

import pytest

from maskcon.commands.grid import add_arguments, main
from maskcon.parameters.errors import UserError


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--workers", "0"], "--workers 0 is not allowed: it should be at least 1"),
        (["--lease", "9.5"], "--lease 9.5 is not allowed: it should be at least 10 seconds"),
        (["--lease", "nan"], "--lease nan is not allowed: it should be at least 10 seconds"),
    ],
)
def test_numbers_that_make_no_sense(words, message):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    with pytest.raises(UserError, match=message):
        main(parser.parse_args(["grids/cifartoy.yaml", *words]))
