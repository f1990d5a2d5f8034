"""Who runs what, where several machines run one grid against one tracking store.

    with Claims(store) as claims:
        if claims.take("two_digits", inputs_hash):      # nobody else runs it now
            ...
            claims.give_back(inputs_hash)

A claim is a tag of the MLflow experiment, named by the hash of the run's inputs: who holds it, and until when. Each
value replaces the one before, which is all that mutual exclusion needs (Fischer's algorithm; Lamport, "A fast mutual
exclusion algorithm", 1987): wait until nobody holds it, write your own name, wait for longer than a write takes, and
it is yours if your name still stands there. A holder renews its claims; those of a machine that died lapse.

Where a store stalls for longer than the wait, two machines may run the same: that costs time and nothing else, since a
distinct set of inputs is one run in the store.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from maskcon.tracking.store import Store, StoreError, experiment_id

if TYPE_CHECKING:
    from mlflow import MlflowClient

TAG = "claim."
SETTLE_SECONDS = 2.0  # a write takes milliseconds, across a network tens of them
LEASE_SECONDS = 300.0  # clocks of the machines may differ by less than this
RENEWALS = 5  # in a lease: some may come late, or be lost with a server that is gone for a while


@dataclass(frozen=True)
class Claim:
    holder: str
    until: float  # seconds since 1970, by the clock of the holder

    @classmethod
    def read(cls, text: str | None) -> Claim | None:
        with contextlib.suppress(TypeError, ValueError):
            return cls(**json.loads(text))
        return None

    def __str__(self) -> str:
        return json.dumps({"holder": self.holder, "until": self.until})


class Claims:
    """What this process runs of a shared store. While entered, its claims are renewed, and in the end given back.

    Args:
        lease: seconds after which a claim lapses that is not renewed. Each machine may have its own.
    """

    def __init__(self, store: Store, lease: float = LEASE_SECONDS):
        self.store, self.lease = store, lease
        self.holder = f"{socket.gethostname()} {os.getpid()} {uuid.uuid4().hex[:8]}"
        self._held: dict[str, str] = {}  # hash of inputs -> name of the experiment
        self._writing = threading.Lock()  # what is given back is not renewed after that
        self._over = threading.Event()

    def __enter__(self) -> Claims:
        threading.Thread(target=self._renew, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        with contextlib.suppress(StoreError):
            for inputs_hash in list(self._held):
                self.give_back(inputs_hash)

    def take(self, experiment: str, inputs_hash: str) -> bool:
        """True where nobody else holds the run with these inputs, and nobody else gets it now.

        Raises:
            StoreError: the store cannot be used.
        """
        from mlflow.exceptions import MlflowException

        with self.store.opened() as client:
            where = experiment_id(self.store, client, experiment)
            if self._is_held_by_another(client, where, inputs_hash):
                return False
            # Of two that make a tag at the same moment MLflow refuses one, which then does not find its name there.
            with contextlib.suppress(MlflowException):
                self._write(client, where, inputs_hash)
            time.sleep(SETTLE_SECONDS)
            claim = self._claim(client, where, inputs_hash)
        taken = claim is not None and claim.holder == self.holder
        if taken:
            self._held[inputs_hash] = experiment
        return taken

    def held_by_another(self, experiment: str, inputs_hash: str) -> bool:
        """Raises: StoreError, where the store cannot be used."""
        with self.store.opened() as client:
            return self._is_held_by_another(client, experiment_id(self.store, client, experiment), inputs_hash)

    def give_back(self, inputs_hash: str) -> None:
        """For a run that has ended, well or not; one that is not held is passed over.

        Raises:
            StoreError: the store cannot be used; the claim lapses by itself.
        """
        with self._writing:
            experiment = self._held.pop(inputs_hash, None)
        if experiment is not None:
            with self.store.opened() as client:
                where = experiment_id(self.store, client, experiment)
                if not self._is_held_by_another(client, where, inputs_hash):
                    client.delete_experiment_tag(where, TAG + inputs_hash)

    def _is_held_by_another(self, client: MlflowClient, where: str, inputs_hash: str) -> bool:
        claim = self._claim(client, where, inputs_hash)
        return claim is not None and claim.holder != self.holder and claim.until > time.time()

    @staticmethod
    def _claim(client: MlflowClient, where: str, inputs_hash: str) -> Claim | None:
        return Claim.read(client.get_experiment(where).tags.get(TAG + inputs_hash))

    def _write(self, client: MlflowClient, where: str, inputs_hash: str) -> None:
        claim = Claim(self.holder, time.time() + self.lease)
        client.set_experiment_tag(where, TAG + inputs_hash, str(claim))

    def _renew(self) -> None:
        while not self._over.wait(self.lease / RENEWALS):
            for inputs_hash, experiment in list(self._held.items()):
                with contextlib.suppress(StoreError), self.store.opened() as client:  # gone for a while: tried again
                    where = experiment_id(self.store, client, experiment)
                    with self._writing:
                        if inputs_hash in self._held:
                            self._write(client, where, inputs_hash)
