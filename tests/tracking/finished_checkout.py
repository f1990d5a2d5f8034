"""A folder as the stages before track leave it, small enough to record in a second."""

import json
from pathlib import Path

from ruamel.yaml import YAML

from maskcon.parameters.model import Parameters, check_parameters
from maskcon.runtime.atomic_files import write_table, write_text

REPOSITORY = Path(__file__).resolve().parents[2]


def _values() -> dict:
    """The repository's parameters with the small set digits and what the tests speak of."""
    values = YAML(typ="safe").load((REPOSITORY / "params.yaml").read_text())
    values["data"] = YAML(typ="safe").load((REPOSITORY / "conf/data/digits.yaml").read_text())
    values["loss"] |= {"name": "maskcon", "w": 1.0, "soft_temperature": 0.1}
    values["train"] |= {"epochs": 3, "warmup_epochs": 1}
    values["evaluate"] |= {"split": "test", "recall_at": [1, 2], "bootstrap_samples": 200, "measures": ["knn"]}
    return values | {"seed": 1}


VALUES = _values()
DVC_YAML = """\
stages:
  coarse:
    cmd: python -m stages.coarse
    params: [data]
    deps: [code/coarse.py, 'coarse_labels/${data.name}.csv']
    outs: ['data/sets/${data.name}']
  pretrain:
    cmd: python -m stages.pretrain
    params: [seed, data, loss, model, train]
    deps: [code/train.py, code/methods, 'data/sets/${data.name}/train']
    outs: [models/encoder.pt]
    metrics: [metrics/pretrain.json: {cache: false}]
    plots: [plots/pretrain.csv]
  evaluate:
    cmd: python -m stages.evaluate
    params: [seed, evaluate]
    deps: [code/evaluate.py, models]
    metrics: [metrics/retrieval_in_full.json]
    plots: [plots/recall_over_epochs.csv]
  measure:
    matrix: {measure: "${evaluate.measures}"}
    cmd: python -m stages.measure ${item.measure}
    params: ['evaluate.${item.measure}']
    deps: ['code/measures/${item.measure}.py', models]
    outs: ['metrics/measures/${item.measure}_in_full.json']
  track:
    cmd: python -m stages.track
    always_changed: true
    params: [track]
    deps: [code/track.py, metrics/retrieval_in_full.json]
"""
CODE = ("coarse.py", "train.py", "methods/maskcon.py", "evaluate.py", "measures/knn.py", "track.py")
CURVE = [
    {"epoch": 1, "loss": 3.5, "learning_rate": 0.06, "images_per_second": 900.0, "seconds": 1.25},
    {"epoch": 2, "loss": 2.5, "learning_rate": 0.03, "images_per_second": 950.0, "seconds": 1.0},
    {"epoch": 3, "loss": 2.0, "learning_rate": 0.0, "images_per_second": 925.0, "seconds": 1.5},
]
LOCK = "stages:\n  coarse:\n    outs:\n    - path: data/sets/digits\n      md5: 0123456789abcdef0123456789abcdef.dir\n"


def finish_stages(folder: Path) -> None:
    """Write what the stages hand on to track."""
    interval = {"interval": {"recall_at_1": {"low": 0.4, "high": 0.6}}}
    retrieval = {"recall_at_1": 0.5, "recall_at_2": 0.75, "images": 497} | interval
    retrieval |= {"untrained": {"recall_at_1": 0.25} | interval, "pixels": {"recall_at_1": 0.3, "recall_at_2": None}}
    retrieval["gain"] = {"mean": 0.25, "low": 0.2, "high": 0.3}
    timing = {"seconds": 3.75, "images_per_second": 925.0}
    write_text(folder / "metrics/retrieval_in_full.json", json.dumps(retrieval))
    write_text(folder / "metrics/measures/knn_in_full.json", json.dumps({"knn_fine_top_1": 0.625}))
    write_text(folder / "metrics/pretrain.json", json.dumps({"loss": 2.0, "timing": timing, "device": "cpu"}))
    write_table(folder / "plots/pretrain.csv", CURVE)
    recall = [(0, 0.25), (1, 0.3), (3, 0.5)]
    rows = [{"epoch": epoch, "recall_at_1": value, "coarse_recall_at_1": ""} for epoch, value in recall]
    write_table(folder / "plots/recall_over_epochs.csv", rows)
    write_text(folder / "reports/figures/embedding_map.png", "picture")
    write_text(folder / "reports/report.pdf", "pages")
    write_text(folder / "reports/gallery.html", "page")


def make_checkout(folder: Path) -> Path:
    write_text(folder / "params.yaml", json.dumps(VALUES))  # JSON is YAML
    write_text(folder / "dvc.yaml", DVC_YAML)
    write_text(folder / "dvc.lock", LOCK)
    write_text(folder / "coarse_labels/digits.csv", "fine,coarse\n0,0\n1,1\n")
    for name in CODE:
        write_text(folder / "code" / name, f"print('{name}')\n")
    finish_stages(folder)
    return folder


def parameters_with(**groups) -> Parameters:
    """VALUES with some changed: parameters_with(seed=2, loss={"w": 0.5})."""
    changed = {name: {**VALUES[name], **value} if isinstance(value, dict) else value for name, value in groups.items()}
    return check_parameters(VALUES | changed)
