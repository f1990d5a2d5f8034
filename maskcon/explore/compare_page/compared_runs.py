"""Recorded runs side by side: what is known of each, and their differences query by query.

    runs = read_runs(store, ["maskcon seed 1 w=1 T=0.15", "3f2a"], Path("."))
    of_second = differences(runs[0], runs[1])        # {"recall_at_1": Summary(...), ...}

Differences and retrieved images need the features that a run in full keeps; runs of a grid keep metrics and curves.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from maskcon.embedding.files import read_embedded_set
from maskcon.evaluation.retrieval.intervals import Scores, bootstrap_interval
from maskcon.evaluation.retrieval.metrics import query_scores
from maskcon.experiments.tables.statistics import Summary
from maskcon.explore.gallery import Gallery, read_gallery
from maskcon.runtime.randomness import numpy_generator
from maskcon.tracking.outcome import RECALL, TRAINING
from maskcon.tracking.search import named_run
from maskcon.tracking.searchable import FEATURES, NotOnRecord, fetched_searchable
from maskcon.tracking.store import Store

LOSS, FINE, COARSE = f"{TRAINING}/loss", f"{RECALL}/recall_at_1", f"{RECALL}/coarse_recall_at_1"
SAMPLES = 2000  # of the bootstrap
AT = "recall_at_"

Curve = list[tuple[int, float]]  # epoch, value


@dataclass(frozen=True)
class ComparedRun:
    name: str
    run_id: str
    parameters: dict[str, str]
    metrics: dict[str, float]
    curves: dict[str, Curve]
    gallery: Gallery | None  # None where the run keeps no features of the test part
    scores: Scores  # of each query; empty then

    def measured(self, metric: str) -> Summary | None:
        if metric not in self.metrics:
            return None
        low, high = (self.metrics.get(f"interval.{metric}.{end}") for end in ("low", "high"))
        return Summary(1, self.metrics[metric], None, low, high)


def read_runs(store: Store, names: list[str], checkout: Path) -> list[ComparedRun]:
    """The runs called so, or whose IDs begin so. Raises: UserError, where a name is not that of one run."""
    with store.opened() as client:
        runs = [named_run(client, name) for name in names]
        curves = [
            {name: client.get_metric_history(run.info.run_id, name) for name in (LOSS, FINE, COARSE)} for run in runs
        ]
    return [_compared(store, run, of, checkout) for run, of in zip(runs, curves, strict=True)]


def _compared(store: Store, run, curves: dict, checkout: Path) -> ComparedRun:
    parameters, metrics = dict(run.data.params), dict(run.data.metrics)
    gallery, scores = None, {}
    if parameters.get("evaluate.split") == "test":  # the part whose features are kept
        with contextlib.suppress(NotOnRecord):
            gallery, scores = _features(store, run.info.run_id, metrics, checkout)
    points = {name: sorted((point.step, point.value) for point in of) for name, of in curves.items() if of}
    return ComparedRun(run.info.run_name, run.info.run_id, parameters, metrics, points, gallery, scores)


def _features(store: Store, run_id: str, metrics: dict[str, float], checkout: Path) -> tuple[Gallery, Scores]:
    with fetched_searchable(store, run_id) as searchable:
        gallery = read_gallery(searchable.folder, checkout / "data/sets", searchable.run_name)
        measured = read_embedded_set((searchable.folder / FEATURES).parent, only_with_fine=True)
        features = torch.from_numpy(measured.features(FEATURES.stem))
        recall_at = [int(name.removeprefix(AT)) for name in metrics if name.startswith(AT)]
        return gallery, query_scores(features, measured.coarse, measured.fine, recall_at)


def share_images(one: ComparedRun, other: ComparedRun) -> bool:
    """Whether both keep features of the same images, with the same fine classes."""
    if one.gallery is None or other.gallery is None:
        return False
    ours, theirs = one.gallery.labels, other.gallery.labels
    return np.array_equal(ours.source, theirs.source) and np.array_equal(ours.fine, theirs.fine)


def differences(first: ComparedRun, other: ComparedRun) -> dict[str, Summary]:
    """Of ``other`` less ``first``, with the 95% interval over queries; empty where they do not share their images."""
    names = [name for name in other.scores if name in first.scores]
    if not names or not share_images(first, other):
        return {}
    each = np.stack([other.scores[name] - first.scores[name] for name in names], axis=1)  # [queries, metrics]
    low, high = bootstrap_interval(each, SAMPLES, numpy_generator(0, "bootstrap"))
    parts = zip(names, each.mean(axis=0).tolist(), low.tolist(), high.tolist(), strict=True)
    return {name: Summary(len(each), mean, None, *ends) for name, mean, *ends in parts}


def metric_names(runs: list[ComparedRun]) -> list[str]:
    """Those that have an interval: Recall@K by K, then the others by name."""
    names = {name for run in runs for name in run.metrics if f"interval.{name}.low" in run.metrics}
    return sorted(names, key=lambda name: (not name.startswith(AT), name.startswith(AT) and len(name), name))


def differing_parameters(runs: list[ComparedRun]) -> dict[str, list[str]]:
    """The values of each parameter that is not the same in all runs, and decides about the result."""
    names = sorted({name for run in runs for name in run.parameters if not name.startswith("track.")})
    values = {name: [run.parameters.get(name, "") for run in runs] for name in names}
    return {name: of for name, of in values.items() if len(set(of)) > 1}
