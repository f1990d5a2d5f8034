"""What MLflow's pages say of a run: its description in Markdown, and the columns that matter in a list of runs.

run_description(run_id, experiment_id, parameters, metrics, artifacts)
experiment_tags("1")       # runs_address("1") opens the list
"""

import base64
import json
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path

from maskcon.parameters.flattened import flattened
from maskcon.parameters.model import Parameters

NOTE = "mlflow.note.content"
PICTURES = {
    "reports/figures/embedding_map.png": "t-SNE of the test images before and after training; each marker is an image",
    "reports/figures/retrieved_images.png": "For some queries the nearest images in order of rank",
    "reports/figures/recall_at_k.png": "Recall@K of the trained encoder, the one before training and raw pixels",
    "reports/figures/training_curves.png": "Loss, learning rate and Recall@1 over the epochs",
}
REPORT = "reports/report.pdf"
COLUMNS = {
    "recall_at_1": "Recall@1",
    "recall_at_5": "Recall@5",
    "recall_at_10": "Recall@10",
    "mean_average_precision_at_r": "mAP@R",
    "coarse_recall_at_1": "coarse Recall@1",
    "view_retrieval": "view finds view",
}

VIEW = "results"
VIEW_PARAMETERS = ("loss.name", "loss.w", "loss.soft_temperature", "seed")
VIEW_METRICS = {  # in the list they are tags, whose names may not hold @
    "recall_at_1": "Recall at 1",
    "recall_at_10": "Recall at 10",
    "coarse_recall_at_1": "coarse Recall at 1",
}


def run_description(
    run_id: str,
    experiment_id: str,
    parameters: Parameters,
    metrics: Mapping[str, float],
    artifacts: Collection[Path],
) -> str:
    """Markdown: what was run, a table of results, the pictures and the report, as far as the run has them."""
    loss, data, train = parameters.loss, parameters.data, parameters.train
    values = {name: value for name, value in flattened(loss.model_dump()).items() if isinstance(value, int | float)}
    shown = ", ".join(f"{name} = {value:g}" for name, value in values.items() if not isinstance(value, bool))
    parts = [
        f"**{loss.name}** ({shown}) on **{data.name}**: {parameters.model.backbone} trained on coarse labels alone for "
        f"{train.epochs} epochs, seed {parameters.seed}, recipe {parameters.recipe}; measured on the "
        f"{parameters.evaluate.split} part.",
        _table(metrics, parameters.model.before_training),
    ]
    kept = {path.as_posix() for path in artifacts}
    if REPORT in kept:
        page = f"#/experiments/{experiment_id}/runs/{run_id}/artifacts/{REPORT}"  # shows it, with its pages to turn
        parts.append(f"[The report of this run (PDF)]({page})")
    parts += [f"![{words}]({_address(run_id, path)})\n\n*{words}.*" for path, words in PICTURES.items() if path in kept]
    return "\n\n".join(part for part in parts if part)


def _table(metrics: Mapping[str, float], before_training: str) -> str:
    """A row for each kind of features, in percent, with the 95% interval of what was trained."""
    columns = {name: title for name, title in COLUMNS.items() if name in metrics}
    if not columns:
        return ""
    lines = [["in percent", *columns.values()], ["---", *["---:"] * len(columns)]]
    before = {before_training: "untrained.", f"{before_training}, whitened": "whitened."}
    for kind, prefix in {"trained": "", **before, "raw pixels": "pixels."}.items():
        if any(prefix + name in metrics for name in columns):
            lines.append([kind, *(_cell(metrics, prefix, name) for name in columns)])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cell(metrics: Mapping[str, float], prefix: str, name: str) -> str:
    if prefix + name not in metrics:
        return ""
    ends = [metrics.get(f"{prefix}interval.{name}.{end}") for end in ("low", "high")]
    interval = "" if prefix or None in ends else f" ({100 * ends[0]:.1f} to {100 * ends[1]:.1f})"
    return f"{100 * metrics[prefix + name]:.1f}{interval}"


def in_percent(metrics: Mapping[str, float]) -> dict[str, str]:
    """Tags of a run for the list, in which MLflow shows metrics as they are: {"Recall at 1": "97.5%"}."""
    return {title: f"{100 * metrics[name]:.1f}%" for name, title in VIEW_METRICS.items() if name in metrics}


def _address(run_id: str, path: str) -> str:
    """Of a file of the run, from the page that shows the description: MLflow's server hands it out."""
    return f"get-artifact?path={path}&run_uuid={run_id}"


def runs_address(experiment_id: str) -> str:
    """Of the list of an experiment's runs, in MLflow's pages; experiment_tags says what it shows."""
    return f"#/experiments/{experiment_id}/runs?viewStateShareKey={VIEW}&workflowType=machine_learning"


def experiment_tags(experiment_id: str) -> dict[str, str]:
    """Of an experiment: a list of its runs with the columns that matter, the best run first, and the way to it."""
    state = {
        "orderByKey": "metrics.`recall_at_1`",
        "orderByAsc": False,
        "selectedColumns": [f"params.`{name}`" for name in VIEW_PARAMETERS]
        + [f"tags.`{title}`" for title in VIEW_METRICS.values()],
    }
    text = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    return {
        f"mlflow.sharedViewState.{VIEW}": f"deflate;{text}",
        "mlflow.experimentKind": "custom_model_development",  # its pages are those for training, not for chats
        NOTE: f"[The runs with the columns that matter, the best first]({runs_address(experiment_id)})",
    }
