"""Export the encoder: ONNX, torch.export, MLflow model."""

import argparse
import os
import shlex
from pathlib import Path

from maskcon.parameters.errors import UserError

FORMATS = ("onnx", "torch", "mlflow")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--formats", nargs="+", choices=FORMATS, help="which of them (all that is possible)")
    parser.add_argument("--folder", type=Path, default=Path("exports/encoder"), help="where the files go (%(default)s)")
    parser.add_argument("--run", metavar="ID", help="the encoder of this MLflow run instead of the one in models/")


def main(arguments: argparse.Namespace) -> None:
    from maskcon.explore.export import LABELS, export_encoder
    from maskcon.explore.gallery import chosen_gallery
    from maskcon.runtime.atomic_files import require_place
    from maskcon.tracking.store import find_store

    folder = arguments.folder
    require_place(folder / LABELS)
    store = find_store(Path.cwd(), os.environ)
    gallery = chosen_gallery(Path.cwd(), arguments.run)
    formats, run_id, left_out = arguments.formats or FORMATS, None, None
    try:
        run_id = _recorded_run(store, arguments.run, gallery) if "mlflow" in formats else None
    except UserError as error:
        if arguments.formats:
            raise UserError(f"{error}; without --formats mlflow the store is not needed") from error
        left_out = f"Left out: the model in MLflow, as {error}"
    exported = export_encoder(gallery, folder, [name for name in formats if name != "mlflow"])
    for path, difference in exported.items():
        print(f"{path}: features differ from the encoder's by at most {difference:.1e}")
    print(f"{folder / LABELS}: names of the classes, sizes")
    if run_id:
        _log(store, run_id, [*exported, folder / LABELS])
    if left_out:
        print(left_out)


def _recorded_run(store, run_id: str | None, gallery) -> str:
    """Raises: UserError, where no recorded run has this encoder."""
    from maskcon.tracking.searchable import ENCODER, run_of_encoder

    if found := run_id or run_of_encoder(store, gallery.encoder.data.name, ENCODER):
        return found
    raise UserError(f"no recorded run has this {ENCODER}, which MLflow could serve; record it with: dvc repro track")


def _log(store, run_id: str, files: list[Path]) -> None:
    from maskcon.explore.model_record import log_model

    uri = log_model(store, run_id, files)
    print(f"{uri}: in MLflow, with the run {run_id}; it answers over HTTP after")
    serve = f"mlflow models serve --model-uri {uri} --env-manager local --port 5001"
    print(f"    MLFLOW_TRACKING_URI={shlex.quote(store.uri)} {serve}")
