"""Whatever stands in params.yaml: it is allowed, or refused in a sentence with key, value and what is allowed."""

import re
from typing import Any

import pytest
from hypothesis import given, settings, strategies

from maskcon.errors import UserError
from maskcon.parameters import Group, Parameters, check_parameters, load_parameters
from tests.every_parameter import ANY_VALUES, ODD_VALUES, PLACES, Place

LONGEST_LINE = 2000  # characters: a terminal's worth, though the names of all parameters of a group may stand in it
SENTENCE = re.compile(
    r"[\w.]+=.* is not allowed: (\S+ does not use it, )?it should be .+"  # the rule
    r"|.+=.* is no parameter; .*(There are|should be text).*"
    r"|[\w.]+ is missing in params\.yaml; .*"
    r"|.*(must|needs|leaves|contradicts|is more than|asks for).*"  # values that do not fit each other
)


def refusal(values: Any) -> str | None:
    """The sentences about values that are refused, or None. Any other exception fails the test."""
    try:
        check_parameters(values)
    except UserError as error:
        return str(error)
    return None


def assert_sentences(text: str, key: str) -> None:
    """One line for each problem, fit for a terminal, about the key that was changed."""
    for line in text.split("\n"):
        assert line.isprintable(), repr(line[:300])
        assert len(line) < LONGEST_LINE
        assert SENTENCE.fullmatch(line), line
    assert key.split(".")[0] in text, text


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.key)
def test_places(place: Place):
    for value in ODD_VALUES:
        said = refusal(place.with_value(value))
        if said is not None:
            assert_sentences(said, place.key)
