"""The rows of a benchmark as a table that people read.

text = as_markdown(rows)
"""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.ratios import Ratio

HEADINGS = ("what", "beside", "ratio", "wanted", "ours", "peer")


def as_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """A line a case, and beneath the table what was measured on."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *map(cells_of, rows)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"{table}\n\n{measured_on(rows)}\n"


def cells_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    wanted = "" if row["wanted"] is None else f"at least {row['wanted']:g}x"
    amounts = [seconds(row[key]) if key in row else "" for key in ("ours_seconds", "peer_seconds")]
    return row["work"], row["peer"], result_of(row), wanted, *amounts


def result_of(row: Mapping[str, Any]) -> str:
    """The ratio with its 10th and 90th percentile, or why there is none."""
    if row["status"] != "measured":
        return row["reason"]
    return str(Ratio(row["ratio_median"], row["ratio_p10"], row["ratio_p90"]))


def took(row: Mapping[str, Any]) -> str:
    if row["status"] != "measured":
        return row["status"]
    return f"ours {seconds(row['ours_seconds'])}, peer {seconds(row['peer_seconds'])}"


def seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{1000 * value:.1f} ms"


def measured_on(rows: Sequence[Mapping[str, Any]]) -> str:
    """Machine, load, versions and commit, in a sentence; those of different rows together."""
    versions: dict[str, set[str]] = {}
    for row in rows:
        for name, version in row["versions"].items():
            versions.setdefault(name, set()).add(version)
    loads = [row["load_average"] for row in rows]
    named = ", ".join(f"{name} {'/'.join(sorted(found))}" for name, found in versions.items())
    return (
        f"Measured on {'; '.join(sorted({row['device'] for row in rows}))}, while the load average stood at "
        f"{min(loads):.1f} to {max(loads):.1f}; commit {', '.join(sorted({row['commit'] for row in rows}))}. {named}. "
        "A ratio is the median over rounds with its 10th and 90th percentile, above 1 where ours is faster."
    )
