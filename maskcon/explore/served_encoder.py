"""The model that ``mlflow models serve`` runs: a photo in, its features and the nearest images of the gallery out.

MLflow runs this file when it loads the model, which model_record.py logs together with this package.
A request holds a photo's file, of any format that Pillow reads, as base64 text:

    {"dataframe_records": [{"photo": "/9j/4AAQ..."}], "params": {"top": 5}}
"""

import io
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext

from maskcon.explore.gallery import read_gallery
from maskcon.explore.search import nearest_to


class ServedEncoder(PythonModel):
    def load_context(self, context: PythonModelContext) -> None:
        folder = Path(context.artifacts["run"])
        self.gallery = read_gallery(folder, sets=folder / "no images are served", run_name=None)

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """One photo per row in column ``photo``, as bytes -> ``features`` and ``nearest`` for each."""
        encoder = self.gallery.encoder
        images = encoder.read([io.BytesIO(photo) for photo in model_input["photo"]])
        nearest = nearest_to(self.gallery, images, count=max(1, int((params or {}).get("top", 10))))
        return [
            {"features": features.tolist(), "nearest": [one._asdict() for one in found]}
            for features, found in zip(encoder.embed_images(images), nearest, strict=True)
        ]


mlflow.models.set_model(ServedEncoder())
