"""The files of stage measure, one for each of evaluate.measures, read as one.

measures_together(json.loads((checkout / file_of(name)).read_text()) for name in evaluate.measures)
"""

from collections.abc import Iterable, Mapping
from typing import Any

FOLDER = "metrics/measures"


def file_of(name: str) -> str:
    return f"{FOLDER}/{name}_in_full.json"


def measures_together(files: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Numbers and counts of the trained encoder, and the blocks interval, untrained and pixels, also of no measure."""
    together: dict[str, Any] = {"interval": {}, "untrained": {"interval": {}}, "pixels": {"interval": {}}}
    for one in files:
        together = _with(together, one)
    return together


def _with(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Both, and where both have a block under a key, of the two blocks both."""
    return {**one} | {
        key: _with(one.get(key, {}), value) if isinstance(value, Mapping) else value for key, value in other.items()
    }
