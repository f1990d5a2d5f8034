"""Whatever stands in params.yaml: it is allowed, or refused in sentences that name the key."""

import datetime
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies
from ruamel.yaml import YAML

from maskcon.parameters.errors import UserError
from maskcon.parameters.model import check_parameters, load_parameters

REPOSITORY = Path(__file__).resolve().parents[2]
LONGEST_LINE = 2000  # characters: the names of all parameters of a group may stand in it
ODD_VALUES = [
    *(None, True, -1, 0, 3, 10**18, -(10**30), 10**5000, 0.5, -0.0, 5e-324, 1e308, math.nan, math.inf, -math.inf),
    *(
        "",
        "0.5",
        "null",
        "ein Wört ☃ 猫",
        "\ud800",
        "a\nb",
        "a\0b",
        "\x1b[31m",
        "../../etc/passwd",
        "${seed}",
        "a" * 5000,
    ),
    *([], [[]], [None], [math.nan] * 3, [0.5, 0.5, math.inf], [1, "2"], [1] * 1000),
    *({}, {"": None}, {None: 1, (1, 2): 4}, {"name": {"name": None}}, {"name": []}, {"a" * 5000: "b"}),
    *(datetime.date(2026, 1, 1), b"bytes", {1, 2}, 2 + 1j),
]
ANY_VALUES = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats()
    | strategies.text(max_size=9),
    lambda inner: strategies.lists(inner, max_size=4) | strategies.dictionaries(strategies.text(), inner, max_size=3),
    max_leaves=6,
)


def read(path: Path) -> dict[str, Any]:
    return YAML(typ="safe").load(path.read_text())


def places() -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Whole values, and a key in them: every key of params.yaml, of each other data set and of each other method."""
    base, seen = read(REPOSITORY / "params.yaml"), set()
    presets = [
        {group: read(file)} for group in ("data", "loss") for file in (REPOSITORY / "conf" / group).glob("*.yaml")
    ]
    for values in ({**base, **preset} for preset in [{}, *presets]):
        for key in keys(values):
            owner = values[key[0]]["name"] if key[0] in ("data", "loss") else ""
            if (owner, *key) not in seen:
                seen.add((owner, *key))
                yield values, key


def keys(values: Mapping[str, Any]) -> Iterator[list[str]]:
    for name, value in values.items():
        yield [name]
        if isinstance(value, Mapping):
            yield from ([name, *below] for below in keys(value))


def changed(values: Mapping[str, Any], key: list[str], value: Any) -> dict[str, Any]:
    name, *rest = key
    return {**values, name: changed(values[name], rest, value) if rest else value}


PLACES = list(places())


def refusal(check: Callable[[], Any]) -> str:
    """The sentences of a refusal; empty where there is none."""
    try:
        check()
    except UserError as error:
        return str(error)
    return ""


def assert_allowed_or_refused(values: Any, key: str = "") -> None:
    said = refusal(lambda: check_parameters(values))
    assert all(line.isprintable() and len(line) < LONGEST_LINE for line in said.split("\n")), said
    assert not said or key in said


@pytest.mark.fault
@pytest.mark.parametrize("group", sorted({key[0] for _, key in PLACES}))
def test_odd_values_in_every_place(group):
    for values, key in PLACES:
        if key[0] == group:
            for value in ODD_VALUES:
                assert_allowed_or_refused(changed(values, key, value), group)


@pytest.mark.fault
@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(strategies.sampled_from(PLACES), ANY_VALUES)
def test_generated_values(place, value):
    assert_allowed_or_refused(changed(*place, value), place[1][0])
    assert_allowed_or_refused(value)


# As a person or a program may write it into the file: tags, dates, numbers and references that YAML knows.
@pytest.mark.fault
@pytest.mark.parametrize("line", ["seed: 1", "  w: 1.0", "  - 0.5", "train:"])
@pytest.mark.parametrize(
    "text",
    [
        *("2026-13-45", "1:99:99", "9" * 5000, ".nan", "1e999", "!!int x", "!!timestamp x", "!!binary '*'"),
        *("!!python/object/apply:os.system [true]", "!!set {a, b}", "!unknown 3", "*nowhere", "&a [*a]", "{<<: 3}"),
        *("{? [a]: 1}", "[" * 3000, "[" * 300 + "]" * 300, "'", "|", "@", "\t", "\u0085", "\ufeff", "\n---\n1"),
    ],
)
def test_what_yaml_may_hold(tmp_path, line, text):
    before, found, after = (REPOSITORY / "params.yaml").read_text().partition(line)
    assert found
    path = tmp_path / "params.yaml"
    path.write_text(f"{before}{line.rstrip('.0123456789')}{text}{after}")
    said = refusal(lambda: load_parameters(path))
    assert all(line.isprintable() for line in said.split("\n"))
