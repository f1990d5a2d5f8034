"""Where runs are recorded, and how to open it safely from several processes at once.

    store = find_store(root=Path("."), environment=os.environ)
    with store.opened() as client:
        experiment_id(store, client, "two_digits")

MLFLOW_TRACKING_URI wins where it is set. Otherwise the store is a SQLite file under the root of the main checkout
(DVC_ROOT in a stage: also from ``dvc exp run --temp`` and ``--queue``, whose own folders are thrown away).
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from filelock import FileLock, Timeout

from maskcon.parameters.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

LOCK_SECONDS = 120.0  # creating a SQLite store takes seconds, on a busy machine tens of them
REMOTE_SCHEMES = {"http", "https"}
SQLITE = "sqlite:///"
DATABASE_SCHEMES = {"sqlite", "postgresql", "mysql", "mssql"}  # perhaps with a driver: postgresql+psycopg2

# Set before mlflow is imported, and only where the person has not set them.
MLFLOW_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # two lines about each run that ends on a server
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # of a server: eight processes less, for jobs that no run here has
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # MLflow's 7 retries take minutes to say that nobody answers
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}


class StoreError(UserError):
    """The store cannot be reached, read or written. The message is one line."""


@dataclass(frozen=True)
class Store:
    """One MLflow tracking store."""

    uri: str
    artifacts: str | None  # where experiments keep files; None: their server decides
    folder: Path  # of the locks between processes of this checkout
    is_shared: bool = False  # others than this checkout may write it too

    @contextlib.contextmanager
    def opened(self) -> Iterator[MlflowClient]:
        """A client of the store.

        Raises:
            StoreError: whatever goes wrong with the store inside the block.
        """
        for name, value in MLFLOW_SETTINGS.items():
            os.environ.setdefault(name, value)
        self._check_address()
        try:
            yield self._client()
        except StoreError:
            raise
        except Exception as error:
            if not _is_of_the_store(error):
                raise
            raise StoreError(f"the MLflow store {self.uri} does not work ({_reason(error)})") from error

    def _check_address(self) -> None:
        """Raises: StoreError, for what MLflow would take for a folder or ask in vain for minutes."""
        if not is_address(self.uri):
            raise StoreError(
                f"MLFLOW_TRACKING_URI={self.uri} is not the address of a tracking store; expected http(s)://HOST, or a "
                "database such as sqlite:////PATH/runs.db or postgresql://USER:PASSWORD@HOST/NAME"
            )
        if self.database is not None and self.database.is_dir():
            raise StoreError(f"MLFLOW_TRACKING_URI={self.uri} is a folder; name a file in it, such as runs.db")

    @property
    def database(self) -> Path | None:
        """The file of a SQLite store."""
        return Path(unquote(self.uri.removeprefix(SQLITE))) if self.uri.startswith(SQLITE) else None

    def _client(self) -> MlflowClient:
        from mlflow import MlflowClient  # seconds to import, and only after MLFLOW_SETTINGS

        logging.getLogger("alembic").setLevel(logging.WARNING)
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # a traceback for what is raised anyway
        with self.creating():  # two processes that make the tables of an empty SQLite file break each other
            if self.database is not None and not self.database.exists():
                self._make_database(self.database)
            if self.artifacts is not None and self.database is not None and not self.is_shared:
                _follow_a_move(self.database, self.artifacts)
            return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def _make_database(self, database: Path) -> None:
        """Under another name first: a kill in the midst leaves no database that lacks tables."""
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # MlflowClient: ./mlruns, which may hold "'"

        unfinished = database.with_name(f"{database.name}.unfinished")
        for left in database.parent.glob(f"{unfinished.name}*"):  # with its journal
            left.unlink()
        database.parent.mkdir(parents=True, exist_ok=True)
        SqlAlchemyStore(sqlite_address(unfinished), self.artifacts)
        unfinished.rename(database)

    def creating(self) -> contextlib.AbstractContextManager:
        """Held while a database, experiment or run is looked for and made where missing."""
        return self._lock("creating", LOCK_SECONDS)

    def writing(self, inputs: str, wait: float) -> contextlib.AbstractContextManager:
        """Held by whoever writes the run with these inputs; ends with the process, however it ends.

        Raises:
            StoreError: another process still writes it after ``wait`` seconds.
        """
        return self._lock(f"run-{inputs[:16]}", wait)

    @contextlib.contextmanager
    def _lock(self, name: str, wait: float) -> Iterator[None]:
        path = self.folder / "locks" / f"{name}.lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path)
            lock.acquire(timeout=wait)
        except Timeout:
            raise StoreError(f"another process is busy with it (it holds {path})") from None
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error
        try:
            yield
        finally:
            lock.release()


def find_store(root: Path, environment: Mapping[str, str]) -> Store:
    """The store of the checkout at ``root``, or the one that MLFLOW_TRACKING_URI names."""
    folder = Path(root).resolve() / "mlflow"
    own = sqlite_address(folder / "mlflow.db")
    uri = environment.get("MLFLOW_TRACKING_URI") or own
    if uri.startswith(SQLITE):  # where it is relative: to the root, not to a temporary experiment's folder
        uri = sqlite_address(folder.parent / unquote(uri.removeprefix(SQLITE)))
    artifacts = None if urlparse(uri).scheme in REMOTE_SCHEMES else (folder / "artifacts").as_uri()
    return Store(uri=uri, artifacts=artifacts, folder=folder, is_shared=uri != own)


def sqlite_address(path: Path) -> str:
    """Of a database in a folder of any name: ``?`` and ``%`` mean something in an address."""
    return SQLITE + str(path).replace("%", "%25").replace("?", "%3F")


def _follow_a_move(database: Path, artifacts: str) -> None:
    """Let experiments and runs find their files where the checkout lies now: MLflow keeps absolute addresses."""
    locked_or_empty = contextlib.suppress(sqlite3.OperationalError)  # which MLflow says better
    with locked_or_empty, contextlib.closing(sqlite3.connect(database, timeout=1)) as connection, connection:
        for name, old in connection.execute("SELECT name, artifact_location FROM experiments").fetchall():
            new = f"{artifacts}/{name}"
            if old == new or not old.endswith(f"/mlflow/artifacts/{name}"):
                continue
            connection.execute("UPDATE experiments SET artifact_location = ? WHERE name = ?", (new, name))
            connection.execute(
                "UPDATE runs SET artifact_uri = ? || substr(artifact_uri, ?) WHERE substr(artifact_uri, 1, ?) = ?",
                (new, len(old) + 1, len(old), old),
            )


def is_address(uri: str) -> bool:
    """Whether ``uri`` has the form of a tracking server or of a database that one stands on."""
    scheme, _, place = uri.partition("://")
    return bool(place) and scheme.partition("+")[0] in REMOTE_SCHEMES | DATABASE_SCHEMES


def experiment_id(store: Store, client: MlflowClient, name: str) -> str:
    """The id of the experiment ``name``, made where it is missing.

    Raises:
        StoreError: the experiment was deleted in MLflow.
    """
    with store.creating():
        experiment = client.get_experiment_by_name(name) or _made_experiment(store, client, name)
    if experiment.lifecycle_stage != "active":
        raise StoreError(
            f"the experiment {name} was deleted in MLflow; bring it back with: "
            f"MLFLOW_TRACKING_URI={store.uri} mlflow experiments restore -x {experiment.experiment_id}"
        )
    return experiment.experiment_id


def _made_experiment(store: Store, client: MlflowClient, name: str) -> Experiment:
    """A new experiment, or the one that another machine has made at the same moment."""
    from mlflow.exceptions import MlflowException

    try:
        made = client.create_experiment(name, artifact_location=store.artifacts and f"{store.artifacts}/{name}")
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return client.get_experiment_by_name(name)
    return client.get_experiment(made)


def _is_of_the_store(error: Exception) -> bool:
    """True for errors of MLflow, of the database, of the network and of the disk; a fault of the program is not."""
    rooms = {kind.__module__.split(".")[0] for kind in type(error).__mro__}
    return isinstance(error, OSError) or bool(rooms & {"mlflow", "sqlalchemy", "alembic", "sqlite3", "requests"})


def _reason(error: BaseException) -> str:
    """One line: of the failure of the network, the disk or the database beneath, where there is one."""
    beneath, reason = error, error
    while beneath := beneath.__cause__ or beneath.__context__:
        if isinstance(beneath, OSError | sqlite3.Error):
            reason = beneath
    lines = (getattr(reason, "strerror", None) or str(reason)).strip().splitlines() or [type(reason).__name__]
    return lines[0][:300]
