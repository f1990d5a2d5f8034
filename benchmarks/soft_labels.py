"""How good are soft labels before any training? By what the keys are features of.

    dvc exp run -S recipe=small_photos -S data.layout=split/fine -S train.stored_views.weak=2 -S data.root=... \
        -S data.coarse_map=coarse_labels/maps/cifartoy_good.csv        # photos and features of views, in this checkout
    python -m benchmarks.soft_labels coarse_labels/maps/cifartoy_good.csv coarse_labels/maps/cifartoy_bad.csv

For each table of coarse classes: of 2,000 training photos, the share whose nearest key (and of the 20 nearest) in their
own coarse class has their fine class, among keys of 8,192 others; then the share of MaskCon's soft label that lies on
keys of the fine class. Features are whitened, as at the start of training. docs/recipe.md shows the table.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from maskcon.encoders.features.stored import read_stored_views
from maskcon.encoders.networks.adapter import whitening
from maskcon.images.packed.image_set import read_labelled_set
from maskcon.methods.parts.targets import masked_softmax

QUERIES, KEYS, NEAREST = 2_000, 8_192, 20
DIRECTIONS, POWER = 512, 0.5  # conf/model/efficientnet_lite0.yaml
SOFT_TEMPERATURES = (0.03, 0.05, 0.1)
RESULTS = Path("reports/studies/recipe")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="+", type=Path, help="of coarse_labels/maps")
    tables = parser.parse_args().tables
    fine_names = read_labelled_set(Path("data/sets/folder/train")).fine_name
    fine = torch.from_numpy(np.unique(fine_names, return_inverse=True)[1])
    drawn = np.random.default_rng(0).permutation(len(fine))[: QUERIES + KEYS]
    features = whitened_features(len(fine), drawn)

    rows = []
    for table in tables:
        coarse_of = pd.read_csv(table).set_index("fine_name")["coarse_name"]
        coarse = torch.from_numpy(pd.factorize(coarse_of[fine_names])[0])
        for name, shares in soft_label_quality(features, fine[drawn], coarse[drawn]):
            half_width = 1.96 * shares.std() / len(shares) ** 0.5
            rows.append([table.stem, *name, f"{100 * shares.mean():.1f}", f"{100 * half_width:.1f}", len(shares)])
    result = pd.DataFrame(rows, columns=["coarse classes", "keys are features of", "share of", "percent", "±", "n"])
    result.to_csv(RESULTS / "soft_labels.csv", index=False, lineterminator="\n")
    (RESULTS / "soft_labels.md").write_text(table_of(result))
    print(table_of(result))


def table_of(result: pd.DataFrame) -> str:
    """A row for each grouping and kind of key, a column for each share, both in the order of ``result``."""
    cells = result.assign(percent=result["percent"].astype(str) + " ± " + result["±"].astype(str))
    lines = cells.pivot_table("percent", ["coarse classes", "keys are features of"], "share of", "first", sort=False)
    return lines.reset_index().to_markdown(index=False) + "\n"


def whitened_features(images: int, drawn: np.ndarray) -> dict[str, Tensor]:
    """What keys are made of -> unit rows [len(drawn), D] of the photos ``drawn``."""
    stored = {name: read_stored_views(name, images) for name in ("weak", "strong", "whole")}
    mean, directions = whitening(
        (in_float32(block) for block in np.array_split(stored["whole"][0], 16)), DIRECTIONS, POWER
    )
    views = {name: (in_float32(rows[:, drawn]) - mean) @ directions for name, rows in stored.items()}
    crops = torch.cat([views["weak"], views["strong"]])
    made_of = {
        "a random crop": views["weak"][0],
        "the mean of two crops and two strong views": F.normalize(crops, dim=2).mean(dim=0),
        "the whole photo": views["whole"][0],
    }
    return {name: F.normalize(rows, dim=1) for name, rows in made_of.items()}


def in_float32(rows: np.ndarray) -> Tensor:
    return torch.from_numpy(rows.astype(np.float32))


def soft_label_quality(
    features: dict[str, Tensor], fine: Tensor, coarse: Tensor
) -> Iterator[tuple[tuple[str, str], Tensor]]:
    """((what keys are made of, what is measured), share of each query [QUERIES]); queries are the first rows."""
    same_coarse = coarse[:QUERIES, None] == coarse[None, QUERIES:]
    same_fine = (fine[:QUERIES, None] == fine[None, QUERIES:]).float()
    for made_of, rows in features.items():
        similarity = rows[:QUERIES] @ rows[QUERIES:].T
        nearest = similarity.masked_fill(~same_coarse, -torch.inf).topk(NEAREST).indices
        right = same_fine.gather(1, nearest)
        yield (made_of, "nearest key"), right[:, 0]
        yield (made_of, f"{NEAREST} nearest"), right.mean(dim=1)
        for temperature in SOFT_TEMPERATURES:
            weights = masked_softmax(similarity / temperature, same_coarse)
            yield (made_of, f"soft label, T {temperature:g}"), (weights * same_fine).sum(dim=1)


if __name__ == "__main__":
    main()
