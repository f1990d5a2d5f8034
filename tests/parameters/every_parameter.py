"""Every parameter that params.yaml can hold, of every data set and every method, and values that do not belong there.

for place in PLACES:                            # a set of whole, allowed values and one key in them
    place.with_value(3)                         # the values with that one changed
"""

import datetime
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies
from ruamel.yaml import YAML

REPOSITORY = Path(__file__).resolve().parents[2]

# Groups that are null in the presets of methods that combine with them.
COMBINED = {"mixup": {"weight": 0.5, "beta": 1.0}, "negatives": {"margin": 0.1, "warmup_share": 0.1}}


@dataclass(frozen=True)
class Place:
    """A value among others that are all allowed."""

    values: Mapping[str, Any]  # a whole params.yaml
    key: str  # dotted

    def with_value(self, value: Any) -> dict[str, Any]:
        """The values with that one changed, which shares the others with them."""
        return _changed(self.values, self.key.split("."), value)


def whole_values() -> Iterator[dict[str, Any]]:
    """params.yaml as it is; with each other data set; with each other method, and with all that it combines with."""
    base = _read(REPOSITORY / "params.yaml")
    yield base
    for group in ("data", "loss"):
        for preset in sorted((REPOSITORY / "conf" / group).glob("*.yaml")):
            yield base | {group: _read(preset)}
    for method, more in (("maskcon", {}), ("ascl", {"mask_by_coarse": True}), ("coins", {})):
        yield base | {"loss": _read(REPOSITORY / f"conf/loss/{method}.yaml") | COMBINED | more}


def every_place() -> list[Place]:
    """Each key of each of ``whole_values``, groups too; those of a group that several have alike once."""
    places, seen = [], set()
    for values in whole_values():
        for key in _keys(values):
            group, _, _ = key.partition(".")
            owner = values[group]["name"] if group in ("data", "loss") else ""
            combined = str([values["loss"].get(name) for name in COMBINED]) if group == "loss" else ""
            if (owner, combined, key) not in seen:
                seen.add((owner, combined, key))
                places.append(Place(values, key))
    return places


def _changed(values: Mapping[str, Any], key: list[str], value: Any) -> dict[str, Any]:
    name, *rest = key
    return {**values, name: _changed(values[name], rest, value) if rest else value}


def _keys(values: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in values.items():
        yield f"{above}{name}"
        if isinstance(value, Mapping):
            yield from _keys(value, f"{above}{name}.")


def _read(path: Path) -> dict[str, Any]:
    """A preset, with what Hydra would fill in for a reference to another value of it."""
    text = path.read_text()
    for name, value in YAML(typ="safe").load(text).items():
        text = text.replace(f"${{.{name}}}", str(value))
    return YAML(typ="safe").load(text)


PLACES = every_place()


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


HOLDS_ITSELF: list = []
HOLDS_ITSELF.append(HOLDS_ITSELF)

# What people and programs write by mistake, and what breaks programs.
ODD_VALUES = [
    None,
    True,
    False,
    -1,
    0,
    1,
    3,
    10**9,
    -(10**18),
    10**400,
    10**5000,  # more digits than Python turns into text
    0.5,
    -0.0,
    1.5,
    5e-324,
    1e-30,
    1e308,
    math.nan,
    math.inf,
    -math.inf,
    "",
    " ",
    "0.5",
    "null",
    "ein Wört ☃ 猫",
    "\u202edlo\u202c",  # written from right to left
    "\ud800",  # half of a character
    "a\nb",
    "a\0b",
    "\x1b[31m",  # turns a terminal red
    "../../etc/passwd",
    "/",
    "~",
    "${seed}",
    "a" * 10_000,
    [],
    [[]],
    [None],
    [math.nan] * 3,
    [0.5, 0.5, math.inf],
    [1, "2"],
    [1] * 10_000,
    nested(50),
    nested(2000),
    HOLDS_ITSELF,
    {},
    {"": None},
    {None: 1, 2: 3, (1, 2): 4},
    {"name": {"name": {"name": None}}},
    {"name": []},
    {"a" * 10_000: "b"},
    datetime.date(2026, 1, 1),
    b"bytes",
    {1, 2},
    2 + 1j,
]

SCALARS = strategies.one_of(
    strategies.none(),
    strategies.booleans(),
    strategies.integers(),
    strategies.integers(min_value=-3, max_value=30),
    strategies.floats(),
    strategies.floats(min_value=0, max_value=2),
    strategies.text(max_size=40),
    strategies.dates(),
    strategies.binary(max_size=8),
)
KEYS = strategies.one_of(strategies.text(max_size=12), strategies.integers(), strategies.none())
ANY_VALUES = strategies.recursive(
    SCALARS,
    lambda inner: strategies.one_of(
        strategies.lists(inner, max_size=5), strategies.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=8,
)
