"""Whatever stands in params.yaml: it is allowed, or refused in a sentence with key, value and what is allowed.

Cases tried, which docs/reliability.md counts: every place with every odd value, and EXAMPLES of each generated test.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies

from maskcon.parameters.errors import UserError
from maskcon.parameters.model import (
    Combinable,
    CombinableWithMultiCrop,
    Contrast,
    Group,
    ImageSet,
    check_parameters,
    load_parameters,
)
from tests.parameters.every_parameter import ANY_VALUES, ODD_VALUES, PLACES, Place
from tests.support.stated_counts import assert_stated

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLES = 400
LONGEST_LINE = 2000  # characters: a terminal's worth, though the names of all parameters of a group may stand in it
SENTENCE = re.compile(
    r"[\w.]+=.* is not allowed: (\S+ does not use it, )?it should be .+"  # the rule
    r"|.+=.* is no parameter; .*(There are|should be text).*"
    r"|[\w.]+ is missing in params\.yaml; .*"
    r"|.*(must|needs|leaves|contradicts|is more than|asks for).*"  # values that do not fit each other
)


def sentences(check: Callable[[], Any]) -> str | None:
    """What a check refuses, or None. Any exception but a UserError fails the test."""
    try:
        check()
    except UserError as error:
        return str(error)
    return None


def refusal(values: Any) -> str | None:
    return sentences(lambda: check_parameters(values))


def assert_sentences(text: str, key: str) -> None:
    """One line for each problem, fit for a terminal, about the key that was changed."""
    for line in text.split("\n"):
        assert line.isprintable(), repr(line[:300])
        assert len(line) < LONGEST_LINE
        assert SENTENCE.fullmatch(line), line
    assert key.split(".")[0] in text, text


def assert_allowed_or_refused(place: Place, value: Any) -> None:
    said = refusal(place.with_value(value))
    if said is not None:
        assert_sentences(said, place.key)


def test_the_places_are_all_that_the_model_has():
    """Each field of each group of params.yaml is tried in at least one place."""
    reached = set()
    for place in PLACES:
        owner: Any = check_parameters(place.values)
        *groups, name = place.key.split(".")
        for group in groups:
            owner = getattr(owner, group)
        reached.add((type(owner), name))
    concrete = {kind for kind, _ in reached}
    abstract = {ImageSet, Contrast, Combinable, CombinableWithMultiCrop}
    of_a_run = {group for group in _groups(Group) if group.__module__ == Group.__module__}  # grids have groups too
    assert of_a_run == concrete | abstract
    assert reached == {(kind, name) for kind in concrete for name in kind.model_fields}


def _groups(above: type[Group]) -> Iterator[type[Group]]:
    for group in above.__subclasses__():
        yield group
        yield from _groups(group)


@pytest.mark.parametrize("group", sorted({place.key.split(".")[0] for place in PLACES}))
def test_odd_values_in_every_place(group):
    for place in PLACES:
        if place.key.split(".")[0] == group:
            for value in ODD_VALUES:
                assert_allowed_or_refused(place, value)


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None)
@given(strategies.sampled_from(PLACES), ANY_VALUES)
def test_generated_values(place, value):
    assert_allowed_or_refused(place, value)


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None)
@given(ANY_VALUES)
def test_generated_values_instead_of_all(value):
    said = refusal(value)
    assert said is not None
    assert all(line.isprintable() for line in said.split("\n"))


# As a person or a program may write it into the file: tags, dates, numbers and references that YAML knows.
YAML_TRAPS = [
    "2026-13-45",
    "2026-01-01T99:99:99Z",
    "1:99:99",
    "0o9",
    "9" * 5000,
    ".nan",
    "-.inf",
    "1e999",
    "!!int x",
    "!!float ''",
    "!!timestamp x",
    "!!binary '*'",
    "!!python/object/apply:os.system [true]",
    "!!set {a, b}",
    "!!omap [a: 1]",
    "!!merge x",
    "!unknown 3",
    "*nowhere",
    "&a [*a]",
    "{<<: 3}",
    "[&a [1, 1, 1, 1], &b [*a, *a, *a, *a], &c [*b, *b, *b, *b], &d [*c, *c, *c, *c], &e [*d, *d, *d, *d], "
    "&f [*e, *e, *e, *e], &g [*f, *f, *f, *f], &h [*g, *g, *g, *g], [*h, *h, *h, *h]]",
    "{<<: *nowhere}",
    "{? [a]: 1}",
    "{? {a: 1}: 1}",
    "[" * 3000,
    "[" * 300 + "]" * 300,
    "'",
    "|",
    "@",
    "`",
    "%",
    "\t",
    "\u0085",
    "\ufeff",
    "\u2028",
    "# nothing",
    "\n---\n1",
    "\n...\n",
]


def assert_file_is_allowed_or_refused(folder: Path, content: bytes) -> None:
    path = folder / "params.yaml"
    path.write_bytes(content)
    said = sentences(lambda: load_parameters(path))
    assert said is None or all(line.isprintable() and 0 < len(line) < LONGEST_LINE for line in said.split("\n"))


@pytest.mark.parametrize("text", YAML_TRAPS, ids=range(len(YAML_TRAPS)))
@pytest.mark.parametrize("line", ["seed: 1", "  w: 1.0", "  - 0.5", "train:"])
def test_what_yaml_may_hold(tmp_path, line, text):
    whole = (REPOSITORY / "params.yaml").read_text()
    before, found, after = whole.partition(line)
    assert found
    assert_file_is_allowed_or_refused(tmp_path, f"{before}{line.rstrip('.0123456789')}{text}{after}".encode())


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None)
@given(strategies.data())
def test_a_file_with_damage(tmp_path_factory, data):
    """A piece of the file cut out and other bytes in its place."""
    whole = (REPOSITORY / "params.yaml").read_bytes()
    start = data.draw(strategies.integers(0, len(whole)))
    end = data.draw(strategies.integers(start, min(len(whole), start + 40)))
    inserted = data.draw(strategies.one_of(strategies.binary(max_size=12), strategies.text(max_size=12).map(encoded)))
    assert_file_is_allowed_or_refused(tmp_path_factory.getbasetemp(), whole[:start] + inserted + whole[end:])


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def test_the_number_of_cases_is_the_one_stated():
    tried = len(PLACES) * len(ODD_VALUES) + 3 * EXAMPLES + 4 * len(YAML_TRAPS)
    assert_stated("parameters", tried)
