"""Claims in a real store: each run is one claimant's, claims are given back, renewed, and lapse."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from maskcon.experiments.grid import claims as module
from maskcon.experiments.grid.claims import Claims
from maskcon.tracking.store import find_store


@pytest.fixture
def store(tmp_path):
    """A store that two checkouts share: as either of them sees it."""
    uri = f"sqlite:///{tmp_path}/shared.db"
    return find_store(tmp_path / "one", {"MLFLOW_TRACKING_URI": uri})


def tags(store):
    with store.opened() as client:
        return client.get_experiment_by_name("digits").tags


def test_a_run_is_one_claimants_alone(store, monkeypatch):
    monkeypatch.setattr(module, "SETTLE_SECONDS", 0.5)
    with Claims(store) as one, Claims(store) as other:
        assert one.take("digits", "a")
        assert not other.take("digits", "a")
        assert other.held_by_another("digits", "a")
        assert not one.held_by_another("digits", "a")
        assert other.take("digits", "b")
        one.give_back("a")
        one.give_back("a")
        assert other.take("digits", "a")
    assert not [name for name in tags(store) if name.startswith(module.TAG)]


def test_of_many_at_the_same_moment_one_gets_it(store, monkeypatch):
    """All have seen that nobody holds it before the first writes: the last to write has it, and the others see that."""
    monkeypatch.setattr(module, "SETTLE_SECONDS", 2.0)
    with store.opened() as client:
        client.create_experiment("digits")
    barrier = threading.Barrier(4)
    write = Claims._write

    def write_together(self, *arguments):
        barrier.wait(timeout=60)
        write(self, *arguments)

    monkeypatch.setattr(Claims, "_write", write_together)
    claimants = [Claims(store) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(lambda claims: claims.take("digits", "a"), claimants))
    assert sorted(won) == [False, False, False, True]


def test_a_claim_lapses_with_the_machine_that_died_and_not_before(store, monkeypatch):
    monkeypatch.setattr(module, "SETTLE_SECONDS", 0)
    dead, alive, third = Claims(store, lease=4.0), Claims(store, lease=4.0), Claims(store)
    assert dead.take("digits", "a")  # never entered: nothing renews it
    with alive:
        assert alive.take("digits", "b")
        assert not third.take("digits", "a")
        time.sleep(6)
        assert third.take("digits", "a")
        assert not third.take("digits", "b")


def test_a_tag_that_is_no_claim_holds_nothing(store, monkeypatch):
    monkeypatch.setattr(module, "SETTLE_SECONDS", 0)
    with store.opened() as client:
        made = client.create_experiment("digits")
        client.set_experiment_tag(made, module.TAG + "a", "not JSON")
    assert Claims(store).take("digits", "a")
