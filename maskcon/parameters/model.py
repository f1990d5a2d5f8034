"""Every value of a run, as one typed, frozen model; params.yaml is checked against it before any work.

    parameters = load_parameters(Path("params.yaml"))
    parameters.loss.w

Values live in conf/ and params.yaml alone: fields have no defaults. The values of a data set, a method and a measure
are described in its own file, which is found by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, create_model, model_validator
from ruamel.yaml import YAML

from maskcon.parameters.data import DataParameters
from maskcon.parameters.encoder import EncoderValues
from maskcon.parameters.errors import UserError
from maskcon.parameters.evaluate import EvaluateParameters
from maskcon.parameters.loss import Contrast
from maskcon.parameters.messages import as_sentence
from maskcon.parameters.plugins import MEASURES, plug_in
from maskcon.parameters.train import TrainParameters
from maskcon.parameters.values import Group, Name, Seed

PICKED_BY_NAME = ("data", "loss", "model")  # groups whose values are described in the file of the plug-in they name


class FigureParameters(Group):
    tsne_images: Annotated[int, Field(ge=10, le=20_000)]
    """Images on the map, at most, drawn by seed."""
    tsne_perplexity: Annotated[float, Field(ge=2, le=500)]
    """t-SNE's perplexity: about how many neighbours of an image it keeps near it."""
    queries_per_coarse_class: Annotated[int, Field(ge=1, le=10)]
    """Queries of each coarse class in the figure of retrieved images."""
    neighbours: Annotated[int, Field(ge=1, le=30)]
    """Nearest images shown beside each query."""


class TrackParameters(Group):
    live: bool
    """Show the curves in MLflow while training runs."""


class Parameters(Group):
    seed: Seed
    """Seed of everything random in a run but the data set's own images."""
    recipe: Name
    """The recipe that was picked: a file of conf/recipe."""
    data: DataParameters
    loss: Contrast
    model: EncoderValues
    train: TrainParameters
    evaluate: EvaluateParameters
    figures: FigureParameters
    track: TrackParameters

    @model_validator(mode="after")
    def values_fit_each_other(self) -> Parameters:
        data = self.data
        composed = getattr(data, "images", None)
        if composed is not None and composed.train < self.train.batch_size:
            raise ValueError(
                f"train.batch_size={self.train.batch_size} is more than the {composed.train} images "
                "of data.images.train; lower it"
            )
        if self.evaluate.split == "val" and getattr(data, "val_share", None) == 0 and data.name != "folder":
            raise ValueError("evaluate.split=val, but data.val_share=0 leaves no images for it; raise it to 0.1, say")
        return self


def load_parameters(path: Path) -> Parameters:
    """Read and check a params.yaml.

    Raises:
        UserError: the file is missing, is not YAML, or holds values that are not allowed; one line for each.
    """
    try:
        values = YAML(typ="safe").load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing; run from the top of the checkout, or restore it with git") from None
    except Exception as error:  # beside its own errors the reader raises those of numbers, dates and nesting
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path} cannot be read as YAML: {reason}; mend it, or compose it again: make params") from None
    return check_parameters(values)


def check_parameters(values: Any) -> Parameters:
    """Raises: UserError, with one line for each value that is not allowed."""
    model = _model_for(values)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UserError("\n".join(as_sentence(problem, model) for problem in error.errors())) from None


def check_group(group: str, values: Mapping[str, Any]) -> Any:
    """The values of one group that is picked by name, as recorded elsewhere. Raises: UserError, as above."""
    model = plug_in(f"{group}.name", values.get("name")).Values
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UserError("\n".join(f"{group}: {as_sentence(problem, model)}" for problem in error.errors())) from None


def _model_for(values: Any) -> type[Parameters]:
    """``Parameters`` with the classes of the data set, method and measures that the values name."""
    fields = {}
    if isinstance(values, Mapping):
        for group in PICKED_BY_NAME:
            if isinstance(values.get(group), Mapping):
                if "name" not in values[group]:
                    raise UserError(f"{group}.name is missing in params.yaml; compose it again: make params")
                fields[group] = plug_in(f"{group}.name", values[group]["name"]).Values
        if isinstance(values.get("evaluate"), Mapping):
            fields["evaluate"] = _with_measures(*(name for name in MEASURES if name in values["evaluate"]))
    return _with_fields(**fields)


@cache
def _with_fields(**classes: type[Group]) -> type[Parameters]:
    fields: dict[str, Any] = {name: (one, ...) for name, one in classes.items()}
    return create_model("Parameters", __base__=Parameters, **fields)


@cache
def _with_measures(*names: str) -> type[EvaluateParameters]:
    fields: dict[str, Any] = {name: (plug_in("evaluate.measures", name).Values, ...) for name in names}
    return create_model("EvaluateParameters", __base__=EvaluateParameters, **fields)
