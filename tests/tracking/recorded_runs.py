"""What a store holds, asked for and checked."""

from maskcon.tracking.store import Store
from tests.tracking.finished_checkout import CURVE


def all_runs(store: Store):
    with store.opened() as client:
        experiments = [experiment.experiment_id for experiment in client.search_experiments()]
        return client.search_runs(experiments, max_results=1000)


def history(store: Store, run, name: str):
    with store.opened() as client:
        return [(metric.step, metric.value) for metric in client.get_metric_history(run.info.run_id, name)]


def assert_complete_without_doubles(store: Store, run) -> None:
    assert run.data.tags["pipeline.complete"] == "true"
    assert run.info.status == "FINISHED"
    assert history(store, run, "pretrain/loss") == [(row["epoch"], row["loss"]) for row in CURVE]
    assert history(store, run, "recall_over_epochs/recall_at_1") == [(0, 0.25), (1, 0.3), (3, 0.5)]
    assert history(store, run, "recall_at_1") == [(0, 0.5)]
