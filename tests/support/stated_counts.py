"""The numbers of cases that docs/reliability.md states: a test that tries fewer than it says fails."""

import re
from pathlib import Path

RELIABILITY = Path(__file__).resolve().parents[2] / "docs/reliability.md"


def assert_stated(what: str, tried: int) -> None:
    """The row ``| what | number | ...`` of the page claims no more cases than were tried."""
    print(f"{what}: {tried:,} cases")
    row = re.search(rf"^\| {re.escape(what)} \| ([\d,]+) \|", RELIABILITY.read_text(), re.MULTILINE)
    assert row, f"docs/reliability.md counts no cases for {what}; there are {tried:,}"
    assert int(row[1].replace(",", "")) <= tried, f"docs/reliability.md claims {row[1]} {what}; there are {tried:,}"
