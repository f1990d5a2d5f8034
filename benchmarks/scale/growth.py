"""What the rows say about sizes beyond them: how steeply a quantity grows, and what that makes of a billion.

exponent(rows, "seconds")          # 1 where twice the images take twice the seconds
to_a_billion(images, retrieval)    # sums, each with its arithmetic
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

BILLION = 10**9
MANY = 30_000  # images: below, what a process does once hides what it does for each
MEBIBYTE = 2**20


@dataclass(frozen=True)
class Estimate:
    what: str
    arithmetic: str
    result: str


def exponent(rows: pd.DataFrame, quantity: str) -> float:
    """The slope of the logarithm of a quantity over that of the images, by least squares; nan for under two sizes."""
    if rows.empty:
        return float("nan")
    rows = rows[(rows["images"] >= MANY) & (rows[quantity] > 0)]
    if rows["images"].nunique() < 2:
        return float("nan")
    return float(np.polyfit(np.log(rows["images"]), np.log(rows[quantity]), 1)[0])


def bytes_an_image(rows: pd.DataFrame) -> float:
    """Of memory of the process's own: what the largest size took more than a third of it did, for each image more."""
    last = largest(rows)
    first = (
        largest(rows[rows["images"] <= last["images"] / 3]) if (rows["images"] <= last["images"] / 3).any() else None
    )
    if first is None:
        return float("nan")
    return (last["anonymous"] - first["anonymous"]) * MEBIBYTE / (last["images"] - first["images"])


def to_a_billion(images: pd.DataFrame, retrieval: pd.DataFrame) -> list[Estimate]:
    return [*_images(images), *_retrieval(retrieval)]


def _images(rows: pd.DataFrame) -> list[Estimate]:
    found = []
    packing, epoch = (done(rows, work) for work in ("packing", "epoch, streamed"))
    if len(packing):
        last = largest(packing)
        found += [
            _linear_bytes("the packed set, on the disk", last["disk"] * MEBIBYTE / last["images"]),
            _linear_seconds("packing", last["processor_seconds"] / last["images"]),
            _linear_bytes("packing, memory", bytes_an_image(packing)),
        ]
    if len(epoch):
        last = largest(epoch)
        found += [
            _linear_seconds("opening the set: its labels", last["open_processor_seconds"] / last["images"]),
            _linear_seconds(
                "hashing its images, for the checkpoint's name", last["digest_processor_seconds"] / last["images"]
            ),
            _linear_bytes("an epoch, streamed, memory", bytes_an_image(epoch)),
        ]
    return found


def _retrieval(rows: pd.DataFrame) -> list[Estimate]:
    found = []
    exact, lists = (done(rows, work) for work in ("exact", "ivfpq"))
    if len(exact):
        last = largest(exact)
        one = last["query_processor_seconds"] / last["images"]
        found += [
            _linear_bytes("features of 128 numbers, on the disk", 4 * 128),
            _linear_seconds("exact search, one query of many", one),
            Estimate("exact search, all", f"{1e9 * one:.3g} s x 10^9", in_time(1e18 * one)),
        ]
    if len(lists):
        last = largest(lists)
        times = BILLION / last["images"]
        build, query = last["build_processor_seconds"], last["query_processor_seconds"]
        found += [
            _linear_bytes("IVF-PQ, in memory", last["index_bytes"]),
            Estimate(
                "IVF-PQ, building, as N sqrt(N)",
                f"{build:,.0f} s at {last['images']:,} x {times:,.0f}^1.5",
                in_time(build * times**1.5),
            ),
            Estimate(
                "IVF-PQ, a query, as sqrt(N)",
                f"{1000 * query:.2f} ms at {last['images']:,} x {times:,.0f}^0.5",
                in_time(query * times**0.5),
            ),
        ]
    return found


def done(rows: pd.DataFrame, work: str) -> pd.DataFrame:
    """The rows of a work that came to its end, by size."""
    if rows.empty:
        return rows
    return rows[(rows["work"] == work) & (rows["status"] == "done")].sort_values("images")


def largest(rows: pd.DataFrame) -> dict:
    return rows.sort_values("images").iloc[-1].to_dict()


def _linear_seconds(what: str, each: float) -> Estimate:
    return Estimate(what, f"{1e6 * each:.3g} us x 10^9", in_time(each * BILLION))


def _linear_bytes(what: str, each: float) -> Estimate:
    return Estimate(what, f"{each:,.0f} bytes x 10^9", in_bytes(each * BILLION))


def in_time(seconds: float) -> str:
    for unit, size in (("years", 31_557_600), ("days", 86_400), ("hours", 3600), ("minutes", 60), ("s", 1)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.3g} {unit}"
    return f"{1000 * seconds:,.3g} ms"


def in_bytes(size: float) -> str:
    for unit, each in (("TB", 10**12), ("GB", 10**9)):
        if size >= each:
            return f"{size / each:,.3g} {unit}"
    return f"{size / 10**6:,.3g} MB"
