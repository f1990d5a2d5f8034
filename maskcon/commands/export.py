"""The encoder for use elsewhere: ONNX, torch.export, and a model that MLflow serves."""

import argparse
import os
import shlex
from pathlib import Path

from maskcon.commands.gallery_choice import add_gallery_arguments, chosen_gallery
from maskcon.parameters.errors import UserError

FORMATS = ("onnx", "torch", "mlflow")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--formats", nargs="+", choices=FORMATS, default=list(FORMATS), help="which of them (unless said: all)"
    )
    parser.add_argument("--folder", type=Path, default=Path("exports/encoder"), help="where the files go (%(default)s)")
    add_gallery_arguments(parser)


def main(arguments: argparse.Namespace) -> None:
    from maskcon.explore.export import export_encoder, require_onnx
    from maskcon.runtime.atomic_files import require_place

    labels = arguments.folder / "labels.json"
    require_place(labels)
    files = [name for name in FORMATS if name in arguments.formats and name != "mlflow"]
    gallery = chosen_gallery(arguments)  # first: without an encoder no package helps
    if "onnx" in files:
        require_onnx()
    run_id = _recorded_run(arguments, gallery) if "mlflow" in arguments.formats else None

    exported = export_encoder(gallery, arguments.folder, files)
    for one in exported:
        print(f"{one.path}: features differ from the encoder's by at most {one.difference:.1e}")
    print(f"{labels}: names of the classes, sizes")
    if run_id is not None:
        _log(run_id, [*(one.path for one in exported), labels])


def _recorded_run(arguments: argparse.Namespace, gallery) -> str:
    """Raises: UserError, where the encoder of this folder is not on record."""
    from maskcon.tracking.searchable import ENCODER, run_of_encoder
    from maskcon.tracking.store import StoreError, find_store

    if arguments.run is not None:
        return arguments.run
    try:
        run_id = run_of_encoder(find_store(Path.cwd(), os.environ), gallery.encoder.data.name, ENCODER)
    except StoreError as error:
        raise UserError(f"{error}; export without MLflow: --formats onnx torch") from error
    if run_id is None:
        raise UserError(
            f"{ENCODER} is of no run on record in MLflow, which the model would be logged to; record it with "
            "dvc repro track, or export without: --formats onnx torch"
        )
    return run_id


def _log(run_id: str, files: list[Path]) -> None:
    from maskcon.explore.model_record import log_model
    from maskcon.tracking.store import StoreError, find_store

    store = find_store(Path.cwd(), os.environ)
    try:
        uri = log_model(store, run_id, files)
    except StoreError as error:
        raise UserError(f"{error}; the files are written, the model is not logged") from error
    print(f"{uri}: in MLflow, with the run {run_id}; it answers over HTTP after")
    serve = f"mlflow models serve --model-uri {uri} --env-manager local --port 5001"
    print(f"    MLFLOW_TRACKING_URI={shlex.quote(store.uri)} {serve}")
