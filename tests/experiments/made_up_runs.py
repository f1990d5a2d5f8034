"""Runs as a store would give them, with scores to order.

runs = made_up({"maskcon": {1: 0.5, 2: 0.6}, "grafit": {1: 0.4, 2: 0.5}})
runs = made_up({...}, where={("maskcon", 2): {"params.train.epochs": "7"}})
"""

import json
from pathlib import Path

import pandas as pd
from ruamel.yaml import YAML

from maskcon.experiments.tables.runs import in_order
from maskcon.parameters.flattened import flattened

REPOSITORY = Path(__file__).resolve().parents[2]
COMMIT = "a" * 40
TITLES = {"grafit": "Grafit", "maskcon": "MaskCon", "coins": "CoIns"}


def made_up(scores, where=None, dataset="digits", purpose="score", values=None, tried=None) -> pd.DataFrame:
    """Scores: method -> seed -> Recall@1. ``where`` changes columns of single runs."""
    rows = []
    for method, by_seed in scores.items():
        for seed, score in by_seed.items():
            row = {
                "dataset": dataset,
                "method": method,
                "title": TITLES.get(method, method),
                "purpose": purpose,
                "seed": seed,
                "values": json.dumps((values or {}).get(method, {})),
                "not_preset": "{}",
                "tried": json.dumps((tried or {}).get(method, [])),
                "complete": True,
                "commit": COMMIT,
                "dirty": False,
                "inputs": f"{dataset}-{method}-{seed}-{purpose}-{score}",
                "started": 1000 + seed,
                **parameters(method, seed, "test" if purpose == "score" else "val"),
                **{f"metrics.recall_at_{k}": min(1.0, score + 0.01 * (k - 1)) for k in (1, 2, 10)},
                "metrics.pixels.recall_at_1": 0.25,
                "metrics.untrained.recall_at_1": 0.125 * seed,
            }
            row |= (where or {}).get((method, seed), {})
            rows.append(row)
    return in_order(pd.DataFrame(rows))


def joined(*several: pd.DataFrame) -> pd.DataFrame:
    return in_order(pd.concat(several))


def parameters(method: str, seed: int, split: str) -> dict[str, str]:
    values = _read(REPOSITORY / "params.yaml")
    values["loss"] = _read(REPOSITORY / "conf/loss" / f"{method}.yaml")
    values["data"] = _read(REPOSITORY / "conf/data/digits.yaml") | {"coarse_map": "coarse_labels/digits.csv"}
    values["seed"], values["evaluate"]["split"] = seed, split
    flat = flattened(values)
    return {f"params.{name}": value if isinstance(value, str) else json.dumps(value) for name, value in flat.items()}


def _read(path: Path):
    return YAML(typ="safe").load(path.read_text())
