"""What a search needs of a recorded run, logged with it and fetched again: the encoder, the features of the test part,
and those of the validation part, by which it knows how far to trust what it finds.

    log_searchable(client, run, checkout)                        # by the record of a run
    with fetched_searchable(store, run_id) as searchable: ...    # by python -m maskcon search --run ID

Features are kept with 16 bits, 10,000 of 512 numbers in 10 MB: a cosine is off by less than 0.001. The images are not
recorded; the packed set of the workspace has them.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from maskcon.parameters.errors import UserError
from maskcon.tracking.store import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

ENCODER = Path("models/encoder.pt")
FEATURES = Path("embeddings/test/encoder.npy")
LABELS = Path("embeddings/test/labels.csv")
ENCODER_DIGEST = "encoder.sha256"
VAL_FEATURES = Path("embeddings/val/encoder.npy")
VAL_LABELS = Path("embeddings/val/labels.csv")
NEEDED = (ENCODER, FEATURES, LABELS)
SEARCHABLE = (*NEEDED, VAL_FEATURES, VAL_LABELS)


class NotOnRecord(UserError):
    """A run keeps no encoder or no features."""


@dataclass(frozen=True)
class Searchable:
    """A run's files on this machine, laid out as in a workspace."""

    folder: Path
    run_name: str


def log_searchable(client: MlflowClient, run: Run, checkout: Path, there: Collection[str] = ()) -> None:
    """Log those files that the stages have left, but for those that are ``there`` already."""
    files = [file for file in SEARCHABLE if (checkout / file).exists() and str(file) not in there]
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            kept = checkout / file
            if file == ENCODER:
                client.set_tag(run.info.run_id, ENCODER_DIGEST, digest_of(kept))
            if file in (FEATURES, VAL_FEATURES):
                kept = Path(folder) / file.name
                np.save(kept, np.load(checkout / file, allow_pickle=False).astype(np.float16))
            client.log_artifact(run.info.run_id, str(kept), artifact_path=str(file.parent))


def run_of_encoder(store: Store, data_name: str, encoder: Path) -> str | None:
    """The ID of a finished run that has this very encoder on record."""
    with store.opened() as client:
        experiment = client.get_experiment_by_name(data_name)
        if experiment is None:
            return None
        same = f"tags.`{ENCODER_DIGEST}` = '{digest_of(encoder)}' and attributes.status = 'FINISHED'"
        runs = client.search_runs([experiment.experiment_id], filter_string=same, max_results=1)
        return runs[0].info.run_id if runs else None


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def fetched_searchable(store: Store, run_id: str) -> Iterator[Searchable]:
    """The files of a run, for as long as the block lasts.

    Raises:
        UserError: there is no such run, or the store cannot be reached; NotOnRecord, where it has no such files.
    """
    with tempfile.TemporaryDirectory() as folder:
        yield _fetch(store, run_id, Path(folder))


def _fetch(store: Store, run_id: str, folder: Path) -> Searchable:
    download = folder / "download"  # where in it MLflow puts a file depends on its kind of store
    download.mkdir()
    with store.opened() as client:
        run = _run(client, run_id)
        parts = {str(file.parent) for file in SEARCHABLE}
        recorded = {file.path for part in parts for file in client.list_artifacts(run_id, part)}
        for file in SEARCHABLE:
            if str(file) not in recorded:
                if file not in NEEDED:
                    continue
                raise NotOnRecord(
                    f"the run {run.info.run_name} ({run_id}) has no {file} on record: it is not finished, or older "
                    "than the search; give another, or make it again with the command in its report"
                )
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(client.download_artifacts(run_id, str(file), str(download)), folder / file)
    for file in filter(lambda one: (folder / one).exists(), (FEATURES, VAL_FEATURES)):
        try:
            _widen(folder / file)
        except (OSError, ValueError, EOFError) as error:
            name = f"{run.info.run_name} ({run_id})"
            raise UserError(f"{file} of the run {name} cannot be read ({error}); give another run") from None
    return Searchable(folder, run.info.run_name)


def _run(client: MlflowClient, run_id: str) -> Run:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run_id)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        raise UserError(
            f"there is no run {run_id} in the MLflow store; copy its ID from the page of: make ui"
        ) from None


def _widen(path: Path) -> None:
    """The rows as a workspace has them: 32 bits, of length 1."""
    features = np.load(path, allow_pickle=False).astype(np.float32)
    length = np.linalg.norm(features, axis=1, keepdims=True)
    np.save(path, features / np.where(length == 0, 1, length))
