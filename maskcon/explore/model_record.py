"""The encoder logged to a recorded run as a model that MLflow serves.

uri = log_model(store, run_id, files)
# mlflow models serve --model-uri URI --env-manager local
"""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from maskcon.tracking.searchable import fetched_searchable
from maskcon.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

PACKAGE = Path(__file__).resolve().parents[1]
NEEDED_PACKAGES = "mlflow torch torchvision numpy pandas pillow pydantic ruamel.yaml tabulate filelock tqdm requests"


def log_model(store: Store, run_id: str, files: Sequence[Path]) -> str:
    """Log the encoder of a run as a model, and ``files`` beside it in the run's folder export/.

    Returns:
        The URI by which ``mlflow models serve`` finds it.

    Raises:
        UserError: the run has no encoder on record.
        StoreError: the store cannot be used now.
    """
    with fetched_searchable(store, run_id) as searchable, store.opened() as client:
        import mlflow
        from mlflow.models import Model

        mlflow.set_tracking_uri(store.uri)
        mlflow.set_experiment(experiment_id=client.get_run(run_id).info.experiment_id)  # else the model is of another
        logged = Model.log(
            artifact_path=None,
            name="encoder",
            flavor=mlflow.pyfunc,
            run_id=run_id,
            python_model=str(Path(__file__).with_name("served_encoder.py")),
            artifacts={"run": str(searchable.folder)},
            code_paths=[str(PACKAGE)],
            signature=signature(),
            pip_requirements=[f"{package}=={version(package)}" for package in NEEDED_PACKAGES.split()],
        )
        for file in files:
            client.log_artifact(run_id, str(file), artifact_path="export")
        return logged.model_uri


def signature() -> "ModelSignature":
    """What goes in and comes out, for MLflow to check requests against and to show."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import Array, DataType, Object, Property

    text, whole, number = DataType.string, DataType.long, DataType.double
    kinds = {"rank": whole, "cosine": number, "coarse": text, "fine": text, "image": text, "place": whole}
    neighbour = Object([Property(name, kind, required=name != "fine") for name, kind in kinds.items()])
    return ModelSignature(
        inputs=Schema([ColSpec(DataType.binary, name="photo")]),
        outputs=Schema([ColSpec(Array(number), name="features"), ColSpec(Array(neighbour), name="nearest")]),
        params=ParamSchema([ParamSpec("top", whole, default=10)]),
    )
