"""The model that ``mlflow models serve`` runs: a photo in, its features and the nearest images of the gallery out.

MLflow runs this file when it loads the model (it is logged by maskcon/served_model_log.py together with this package).
A request names a photo as base64 text of its file, in any format that Pillow reads:

    curl URL/invocations -H 'Content-Type: application/json' \\
        -d '{"dataframe_records": [{"photo": "'$(base64 -w0 cat.jpg)'"}], "params": {"top": 5}}'
"""

import io
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext

from maskcon.gallery import read_gallery
from maskcon.search import as_json, search
