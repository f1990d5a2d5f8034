"""What limits MaskCon on CIFARtoy: its soft labels over training, and the test images that it gets wrong.

    dvc exp run ...         # the command in soft_labels.py: photos and features of views, in this checkout
    python -m benchmarks.limits coarse_labels/maps/cifartoy_good.csv coarse_labels/maps/cifartoy_bad.csv

For each table of coarse classes, an adapter is trained by MaskCon with keys of crops, with keys of whole photos, and by
MaskCon on features, with three seeds each. After every epoch: the share of the soft label that lies on keys of the fine
class, as soft_labels.py measures it, of what the method makes its soft labels from. At the end: how many test images
whose nearest image is of another fine class a linear probe with fine labels, on the features as loaded, gets right.
docs/recipe.md shows both tables.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from benchmarks.soft_labels import KEYS, QUERIES, RESULTS, in_float32, soft_label_quality
from maskcon.embedding.features import adapted
from maskcon.encoders.features.stored import read_stored_views
from maskcon.encoders.features.whole import stored_rows
from maskcon.encoders.networks import Encoder
from maskcon.evaluation.measures.linear import most_accurate, probe_path
from maskcon.evaluation.retrieval.neighbours import neighbours_by_chunk
from maskcon.images.packed.image_set import LabelledSet, TrainingSet, read_labelled_set, read_training_set
from maskcon.parameters.composition import compose_parameters
from maskcon.parameters.model import Parameters
from maskcon.training.checkpoint import NoCheckpoints
from maskcon.training.loop import Watcher, train

CPU, SETS = torch.device("cpu"), Path("data/sets/folder")
SEEDS = (1, 2, 3)
STRENGTHS = (1e-4, 3e-5, 1e-5)  # of the probe
PROJECTION = 128  # of conf/model/efficientnet_lite0.yaml, at the end of what is read out
RECIPE = ["recipe=small_photos", "train.stored_views.weak=2", "train.snapshot_epochs=1"]
# With the values that grids/cifartoy.yaml chose for each.
MASKCON = ["loss=maskcon", "loss.w=1.0", "loss.temperature=0.1"]
TRAININGS = {
    "MaskCon, keys of crops": [*MASKCON, "loss.soft_temperature=0.03", "train.key_view=weak"],
    "MaskCon": [*MASKCON, "loss.soft_temperature=0.05"],
    "MaskCon on features": ["loss=feature_maskcon", "loss.soft_temperature=0.05", "loss.temperature=0.2"],
}
KEY = ["coarse classes", "training", "seed"]
NEAREST = 5
MOST_CONFUSED = 3  # pairs of classes that a table shows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="+", type=Path, help="of coarse_labels/maps")
    tables = parser.parse_args().tables
    parts = {part: read_labelled_set(SETS / part) for part in ("train", "val", "test")}
    names = parts["test"].fine_name
    probe_right = right_by_probe(parts)

    over_training, errors = [], []
    for table in tables:
        coarse_of = pd.read_csv(table).set_index("fine_name")["coarse_name"]
        training_set = with_coarse(read_training_set(SETS / "train"), coarse_of[parts["train"].fine_name])
        for training, choices in TRAININGS.items():
            for seed in SEEDS:
                parameters = compose_parameters(Path("conf"), [*RECIPE, *choices, f"seed={seed}"])
                soft_labels = SoftLabels(parameters, parts["train"], training_set.coarse)
                trained = train(training_set, parameters, CPU, NoCheckpoints(Path()), soft_labels)
                over_training += [[table.stem, training, seed, *row] for row in soft_labels.rows]
                shares = error_shares(rows_of_test(trained.encoder, len(names)), names, coarse_of, probe_right)
                errors += [[table.stem, training, seed, *share] for share in shares.items()]
                print(table.stem, training, seed, shares, flush=True)
        loaded = error_shares(rows_of_test(trained.untrained, len(names)), names, coarse_of, probe_right)
        errors += [[table.stem, "as loaded", 0, *share] for share in loaded.items()]

    write(RESULTS / "over_training", over_training_table, over_training, [*KEY, "soft label", "epoch", "percent"])
    write(RESULTS / "errors", errors_table, errors, [*KEY, "nearest image", "percent"])


def with_coarse(training_set: TrainingSet, names: pd.Series) -> TrainingSet:
    """The same images with other coarse classes."""
    coarse, coarse_names = pd.factorize(names.to_numpy(), sort=True)
    return replace(training_set, coarse=coarse.astype(np.int64), coarse_names=list(coarse_names))


class SoftLabels(Watcher):
    """Measures, after every epoch, the soft labels that a training makes: rows of T, epoch, percent."""

    def __init__(self, parameters: Parameters, labels: LabelledSet, coarse: np.ndarray):
        self.parameters, self.labels, self.coarse = parameters, labels, coarse
        self.rows: list[tuple[str, int, float]] = []

    def snapshot(self, epoch: int, encoder: Encoder) -> None:
        drawn = np.random.default_rng(0).permutation(len(self.coarse))[: QUERIES + KEYS]
        views = read_stored_views(self.parameters.train.key_view, len(self.coarse))[0, drawn]
        read_out = torch.from_numpy(adapted(encoder, in_float32(views)))
        compared = read_out[:, -PROJECTION:] if self.parameters.loss.name == "maskcon" else read_out[:, :-PROJECTION]
        fine, coarse = torch.from_numpy(self.labels.fine[drawn]), torch.from_numpy(self.coarse[drawn])
        rows = {"keys": torch.nn.functional.normalize(compared, dim=1)}
        for (_, measured), shares in soft_label_quality(rows, fine, coarse):
            if measured.startswith("soft label"):
                self.rows.append((measured.removeprefix("soft label, "), epoch, 100 * float(shares.mean())))


def right_by_probe(parts: dict[str, LabelledSet]) -> np.ndarray:
    """bool [N]: of the test images, by a linear probe of fine labels on the features as loaded."""
    rows = {part: torch.cat(list(stored_rows(part, len(of.fine), CPU))).numpy() for part, of in parts.items()}
    probes = probe_path(rows["train"], parts["train"].fine, STRENGTHS)
    strength = most_accurate(probes, rows["val"], parts["val"].fine)
    return probes[strength].predict(rows["test"]) == parts["test"].fine


def rows_of_test(encoder: Encoder, images: int) -> Tensor:
    """Unit rows [images, F] of the test images."""
    return torch.cat([torch.from_numpy(adapted(encoder, rows)) for rows in stored_rows("test", images, CPU)])


def error_shares(rows: Tensor, names: np.ndarray, coarse_of: pd.Series, probe_right: np.ndarray) -> dict[str, float]:
    """What is seen of the nearest image of each image, by its fine class [N], in percent of the images."""
    found = torch.cat([nearest for _, nearest, _ in neighbours_by_chunk(rows, NEAREST)]).numpy()
    right = names[found] == names[:, None]  # [N, NEAREST]
    wrong = ~right[:, 0]
    same_coarse = coarse_of[names[found[:, 0]]].to_numpy() == coarse_of[names].to_numpy()
    seen = {
        "wrong": wrong,
        "wrong, in the coarse class": wrong & same_coarse,
        "wrong, one of the next four right": wrong & right.any(axis=1),
        "wrong, probe right": wrong & probe_right,
        "right, probe wrong": ~wrong & ~probe_right,
        **confused(names, names[found[:, 0]]),
    }
    return {name: 100 * float(share.mean()) for name, share in seen.items()}


def confused(names: np.ndarray, found: np.ndarray) -> dict[str, np.ndarray]:
    """The images [N] of one class whose nearest is of the other, for each pair of classes."""
    pairs = {tuple(sorted(pair)) for pair in zip(names, found, strict=True) if pair[0] != pair[1]}
    return {
        f"{one} and {other}": ((names == one) & (found == other)) | ((names == other) & (found == one))
        for one, other in sorted(pairs)
    }


def write(path: Path, table_of: Callable[[pd.DataFrame], str], rows: list[list], columns: list[str]) -> None:
    """The rows, and the table of them."""
    text = pd.DataFrame(rows, columns=columns).to_csv(index=False, lineterminator="\n", float_format="%.2f")
    path.with_suffix(".csv").write_text(text)
    path.with_suffix(".md").write_text(table_of(pd.read_csv(path.with_suffix(".csv"))))


def over_training_table(rows: pd.DataFrame) -> str:
    """A line for each training and T, a column for each epoch."""
    rows = rows.assign(epoch="epoch " + rows["epoch"].astype(str))
    return _table(rows, ["coarse classes", "training", "soft label"], "epoch", sorted(rows["epoch"].unique()))


def errors_table(rows: pd.DataFrame) -> str:
    """A line for each training, a column for each kind of nearest image; of pairs of classes the most confused."""
    is_pair = rows["nearest image"].str.contains(" and ")
    most = rows[is_pair].groupby("nearest image")["percent"].sum().nlargest(MOST_CONFUSED)
    columns = [*rows.loc[~is_pair, "nearest image"].unique(), *most.index]
    return _table(rows, ["coarse classes", "training"], "nearest image", columns)


def _table(rows: pd.DataFrame, lines: list[str], across: str, columns: list) -> str:
    """Mean and standard deviation over seeds."""

    def cell(percent: pd.Series) -> str:
        return f"{percent.mean():.1f} ± {percent.std():.1f}" if len(percent) > 1 else f"{percent.iloc[0]:.1f}"

    cells = rows.pivot_table("percent", lines, across, cell, sort=False)[columns]
    return cells.reset_index().to_markdown(index=False, disable_numparse=True) + "\n"


if __name__ == "__main__":
    main()
