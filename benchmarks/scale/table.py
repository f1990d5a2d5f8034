"""The rows as tables that people read."""

from collections.abc import Callable, Sequence

import pandas as pd
from tabulate import tabulate

from benchmarks.scale.growth import Estimate, done, exponent, to_a_billion

Column = tuple[str, str, str, Callable[[float], str]]  # heading, work, quantity, how it is written


def seconds(value: float) -> str:
    if value >= 1:
        return f"{value:,.1f} s"
    return f"{1000 * value:.0f} ms" if value >= 0.01 else f"{1000 * value:.2g} ms"


def mebibytes(value: float) -> str:
    return f"{value:,.0f} MiB"


def percent(value: float) -> str:
    return f"{100 * value:.1f}%"


def number(value: float) -> str:
    return f"{value:,.0f}"


IMAGES: Sequence[Column] = (
    ("packing", "packing", "seconds", seconds),
    ("opening", "epoch, streamed", "open_seconds", seconds),
    ("hashing", "epoch, streamed", "digest_seconds", seconds),
    ("holding", "epoch, held", "hold_seconds", seconds),
    ("first batch, held", "epoch, held", "first_batch_seconds", seconds),
    ("streamed", "epoch, streamed", "first_batch_seconds", seconds),
    ("a batch, held", "epoch, held", "batch_seconds", seconds),
    ("streamed", "epoch, streamed", "batch_seconds", seconds),
)
IMAGES_MEMORY: Sequence[Column] = (
    ("the set", "epoch, streamed", "set", mebibytes),
    ("packing", "packing", "own", mebibytes),
    ("epoch, held", "epoch, held", "own", mebibytes),
    ("epoch, streamed", "epoch, streamed", "own", mebibytes),
    ("held, 1 GiB allowed", "epoch, held, little memory", "own", mebibytes),
    ("streamed, 1 GiB allowed", "epoch, streamed, little memory", "own", mebibytes),
)
RETRIEVAL: Sequence[Column] = (
    ("exact, a query", "exact", "query_seconds", seconds),
    ("ivfpq", "ivfpq", "query_seconds", seconds),
    ("hnsw", "hnsw", "query_seconds", seconds),
    ("building ivfpq", "ivfpq", "build_seconds", seconds),
    ("hnsw", "hnsw", "build_seconds", seconds),
)
RETRIEVAL_MEMORY: Sequence[Column] = (
    ("exact", "exact", "own", mebibytes),
    ("its bound", "exact", "bound", mebibytes),
    ("ivfpq, built", "ivfpq", "own", mebibytes),
    ("hnsw, built", "hnsw", "own", mebibytes),
    ("bytes an image, ivfpq", "ivfpq", "index_bytes", number),
    ("hnsw", "hnsw", "index_bytes", number),
)
FOUND: Sequence[Column] = (
    ("ivfpq: of the nearest", "ivfpq", "found_at_1", percent),
    ("of the 10 nearest", "ivfpq", "found_at_10", percent),
    ("hnsw: of the nearest", "hnsw", "found_at_1", percent),
    ("of the 10 nearest", "hnsw", "found_at_10", percent),
    ("Recall@1 of fine classes: exact", "exact", "recall_at_1", percent),
    ("ivfpq", "ivfpq", "recall_at_1", percent),
    ("hnsw", "hnsw", "recall_at_1", percent),
)


def as_markdown(images: pd.DataFrame, retrieval: pd.DataFrame) -> str:
    images, retrieval = (with_own(rows) for rows in (images, retrieval))
    parts = ["Made by `python -m benchmarks.scale`, which says what each column is; do not edit."]
    if len(images):
        parts += [
            "## Images: processor time",
            table(images, of_processor(IMAGES), growth=True),
            "## Images: time by the clock, with waits for the disk and for other processes",
            table(images, IMAGES, growth=True),
            "## Images: memory of the process's own, beyond the libraries",
            table(images, IMAGES_MEMORY, growth=True),
            measured_on(images),
        ]
    if len(retrieval):
        parts += [
            "## Retrieval: processor time",
            table(retrieval, of_processor(RETRIEVAL), growth=True),
            "## Retrieval: time by the clock",
            table(retrieval, RETRIEVAL, growth=True),
            "## Retrieval: memory of the process's own, beyond the libraries",
            table(retrieval, RETRIEVAL_MEMORY, growth=True),
            "## Retrieval: what indexes find of what exact search finds",
            table(retrieval, FOUND, growth=False),
            measured_on(retrieval),
        ]
    return (
        "\n\n".join([*parts, "## Calculated, not measured: a billion", estimates(to_a_billion(images, retrieval))])
        + "\n"
    )


def of_processor(columns: Sequence[Column]) -> list[Column]:
    """The same columns with processor time in the place of the clock's."""
    return [
        (heading, work, quantity.replace("seconds", "processor_seconds"), write)
        for heading, work, quantity, write in columns
    ]


def with_own(rows: pd.DataFrame) -> pd.DataFrame:
    """With the column own: MiB of the process's own memory at most, beyond those it had before the work."""
    return rows if rows.empty else rows.assign(own=rows["anonymous"] - rows["anonymous_before"])


def table(rows: pd.DataFrame, columns: Sequence[Column], growth: bool) -> str:
    lines = [
        [f"{images:,}", *(cell(rows, images, work, quantity, write) for _, work, quantity, write in columns)]
        for images in sorted(rows["images"].unique())
    ]
    if growth:
        slopes = [exponent(done(rows, work), quantity) for _, work, quantity, _ in columns]
        lines.append(["grows as N to the", *("" if slope != slope else f"{slope:.2f}" for slope in slopes)])
    headings = ["images", *(heading for heading, *_ in columns)]
    return tabulate(lines, headings, tablefmt="github", disable_numparse=True, colalign=("right",) * len(headings))


def cell(rows: pd.DataFrame, images: int, work: str, quantity: str, write: Callable[[float], str]) -> str:
    of_work = rows[(rows["work"] == work) & (rows["images"] == images)]
    if of_work.empty:
        return ""
    row = of_work.iloc[0]
    if row["status"] != "done":
        return "does not fit"
    return "" if pd.isna(row[quantity]) else write(row[quantity])


def estimates(found: Sequence[Estimate]) -> str:
    lines = [[one.what, one.arithmetic, one.result] for one in found]
    return tabulate(lines, ["what", "from the largest size measured", "a billion"], tablefmt="github")


def measured_on(rows: pd.DataFrame) -> str:
    return (
        f"{', '.join(sorted(set(rows['device'])))}, {', '.join(str(n) for n in sorted(set(rows['threads'])))} thread; "
        f"load average {rows['load'].min():.1f} to {rows['load'].max():.1f}; "
        f"commit {', '.join(sorted(set(rows['commit'])))}."
    )
