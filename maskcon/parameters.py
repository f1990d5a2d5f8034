"""Every value of a run, as one typed, frozen model; params.yaml is checked against it before any work.

    parameters = load_parameters(Path("params.yaml"))
    parameters.loss.w

Values live in conf/ and params.yaml alone: no field here has a default.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from maskcon.errors import UserError

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=100_000_000)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
SplitName = Literal["val", "test"]
MeasureName = Literal["knn", "linear", "few_shot", "discovery"]


class Group(BaseModel):
    """Frozen, no unknown keys, numbers are numbers (no silent conversion from text)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class SplitSizes(Group):
    """How many images each part has (the composed sets draw as many as asked)."""

    train: Count
    val: Count
    test: Count


class DataParameters(Group):
    """The image set: where it comes from and how its pixels are standardised."""

    name: Name  # the preset, the folder under data/raw and data/sets, and the table in coarse_labels/
    root: str  # folder of source files supplied by the user or kept from a download
    channels: Literal[1, 3]  # 1: grey, the encoder reads one of the three equal channels
    height: Annotated[int, Field(ge=8, le=1024)]  # pixels
    width: Annotated[int, Field(ge=8, le=1024)]  # pixels
    mean: Annotated[list[Share], Field(min_length=3, max_length=3)]  # of pixels in [0, 1], per RGB channel
    std: Annotated[list[Positive], Field(min_length=3, max_length=3)]
    augmentation: Literal["characters", "small_colour"]  # the family of views, see maskcon/augmentation/views.py
    images: SplitSizes
    seed: Annotated[int, Field(ge=0)]  # of the composition: the same images whatever the run's seed


class Contrast(Group):
    """What every method has."""

    temperature: Positive  # T0: of the softmax over own key and queue


class SelfConParameters(Contrast):
    name: Literal["selfcon"]
    w: None
    soft_temperature: None


class SupConParameters(Contrast):
    name: Literal["supcon"]
    w: None
    soft_temperature: None


class GrafitParameters(Contrast):
    name: Literal["grafit"]
    w: Share  # of the supervised contrast; 1 - w stays on the own key
    soft_temperature: None


class CoInsParameters(Contrast):
    name: Literal["coins"]
    w: Share  # of the coarse classifier's loss; 1 - w is the contrast's
    soft_temperature: None


class MaskConParameters(Contrast):
    name: Literal["maskcon"]
    w: Share  # of the soft labels; 1 - w stays on the own key
    soft_temperature: Positive  # T: of the soft labels


# The method, picked by its name. A value that a method does not use is null.
LossParameters = Annotated[
    SelfConParameters | SupConParameters | GrafitParameters | CoInsParameters | MaskConParameters,
    Field(discriminator="name"),
]
METHODS = tuple(method.model_fields["name"].annotation.__args__[0] for method in get_args(get_args(LossParameters)[0]))


class ModelParameters(Group):
    """The encoder: backbone, and the projector of the contrast."""

    backbone: Literal["small_conv", "resnet18", "resnet34", "resnet50"]
    width: Count | None  # channels of small_conv's first layer; null for ResNets
    pooled: Annotated[list[Count], Field(min_length=2, max_length=2)]  # features are averaged to this height x width
    projector_hidden_size: Count
    projection_size: Count
    imagenet_weights: bool


class TrainParameters(Group):
    """The recipe: how long, how fast, with which views and queue."""

    epochs: Count
    warmup_epochs: Annotated[int, Field(ge=0)]
    batch_size: Annotated[int, Field(ge=2, le=65_536)]
    learning_rate: Positive
    sgd_momentum: Annotated[float, Field(ge=0, lt=1)]
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    queue_size: Count
    key_momentum: Share  # m: key <- m key + (1 - m) query
    query_view: Literal["weak", "strong"]
    key_view: Literal["weak", "strong"]
    precision: Literal["auto", "float32", "bfloat16"]
    snapshot_epochs: Annotated[int, Field(ge=0)]  # weights kept every so many epochs, for the curve; 0: none
    checkpoint_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]  # 0: after every epoch

    @model_validator(mode="after")
    def warms_up_before_the_end(self) -> TrainParameters:
        if self.warmup_epochs >= self.epochs:
            raise ValueError(f"warmup_epochs={self.warmup_epochs} must be less than epochs={self.epochs}")
        return self


class KnnParameters(Group):
    neighbours: Count  # k; of a smaller train part all vote
    temperature: Positive  # of the votes' weights


class LinearParameters(Group):
    strengths: Annotated[list[Positive], Field(min_length=1)]  # lambda of the L2 penalty, of which one is chosen


class FewShotParameters(Group):
    ways: Annotated[int, Field(ge=2, le=100_000)]  # classes an episode, beside all-way
    shots: Annotated[list[Count], Field(min_length=1)]  # images a class that are shown
    queries: Count  # images a class that are asked for, at most
    episodes: Annotated[int, Field(ge=2, le=1_000_000)]
    all_way_episodes: Annotated[int, Field(ge=2, le=1_000_000)]  # fewer do: each asks for images of every class


class DiscoveryParameters(Group):
    clusters: Literal["given", "estimated"]  # how many in a coarse class: as many as fine classes, or by silhouette
    most_clusters: Annotated[int, Field(ge=2, le=10_000)]  # in a coarse class, of an estimate


class EvaluateParameters(Group):
    split: SplitName  # sweeps choose on val, tables report test
    recall_at: Annotated[list[Count], Field(min_length=1)]
    bootstrap_samples: Annotated[int, Field(ge=100, le=1_000_000)]
    measures: list[MeasureName]  # beside Recall@K; knn and linear need embeddings of the train images
    knn: KnnParameters
    linear: LinearParameters
    few_shot: FewShotParameters
    discovery: DiscoveryParameters

    @property
    def needs_train_embeddings(self) -> bool:
        return "knn" in self.measures or "linear" in self.measures

    @model_validator(mode="after")
    def starts_at_one(self) -> EvaluateParameters:
        if sorted(set(self.recall_at)) != self.recall_at or self.recall_at[0] != 1:
            raise ValueError(f"recall_at={self.recall_at} must rise strictly and begin with 1")
        return self


class FigureParameters(Group):
    tsne_images: Annotated[int, Field(ge=10, le=20_000)]  # at most so many, drawn by seed
    tsne_perplexity: Annotated[float, Field(ge=2, le=500)]
    queries_per_coarse_class: Annotated[int, Field(ge=1, le=10)]
    neighbours: Annotated[int, Field(ge=1, le=30)]


class TrackParameters(Group):
    live: bool  # show the curves in MLflow while training runs


class Parameters(Group):
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)]
    recipe: Name
    data: DataParameters
    loss: LossParameters
    model: ModelParameters
    train: TrainParameters
    evaluate: EvaluateParameters
    figures: FigureParameters
    track: TrackParameters

    @model_validator(mode="after")
    def values_fit_each_other(self) -> Parameters:
        if self.data.images.train < self.train.batch_size:
            raise ValueError(
                f"train.batch_size={self.train.batch_size} is more than the {self.data.images.train} images "
                "of data.images.train; lower it"
            )
        if self.model.backbone == "small_conv" and self.model.width is None:
            raise ValueError("model.width=null, but model.backbone=small_conv needs a width, such as 24")
        if self.model.imagenet_weights and self.model.backbone == "small_conv":
            raise ValueError("model.imagenet_weights=true needs a ResNet as model.backbone, not small_conv")
        return self


def load_parameters(path: Path) -> Parameters:
    """Read and check a params.yaml.

    Raises:
        UserError: the file is missing, is not YAML, or holds values that are not allowed; one line for each.
    """
    try:
        values = YAML(typ="safe").load(Path(path).read_text())
    except FileNotFoundError:
        raise UserError(f"{path} is missing; run from the top of the checkout, or restore it with git") from None
    except (YAMLError, UnicodeDecodeError, OSError) as error:
        raise UserError(f"{path} cannot be read as YAML: {' '.join(str(error).split())}") from None
    return check_parameters(values)


def check_parameters(values: Any) -> Parameters:
    """Raises: UserError, with one line for each value that is not allowed."""
    try:
        return Parameters.model_validate(values)
    except ValidationError as error:
        raise UserError("\n".join(_as_sentence(problem) for problem in error.errors())) from None


def _as_sentence(problem: dict[str, Any]) -> str:
    """One problem found by pydantic, as: key=value, what is allowed."""
    location = tuple(part for part in problem["loc"] if part not in METHODS)  # a union adds its tag
    key = ".".join(str(part) for part in location)
    value = problem["input"]
    match problem["type"]:
        case "extra_forbidden":
            return f"{key} is not a parameter{_nearest(location)}; remove it or correct its name"
        case "missing" | "union_tag_not_found":
            return f"{key} is missing in params.yaml; restore it: git checkout params.yaml"
        case "union_tag_invalid":
            return f"loss.name={value['name']!r} is no method; the methods are {', '.join(METHODS)}"
        case "none_required":
            return f"{key}={value!r} is not allowed: this method does not use it, leave it null"
        case "value_error":
            text = problem["msg"].removeprefix("Value error, ")
            return f"{key}.{text}" if key else text
        case _:
            return f"{key}={value!r} is not allowed: it should be {problem['msg'].removeprefix('Input should be ')}"


def _nearest(location: tuple[str | int, ...]) -> str:
    """', did you mean ...' for an unknown key, looking among all the keys there are."""
    key = ".".join(map(str, location))
    near = difflib.get_close_matches(key, _keys(Parameters), n=1, cutoff=0.7)
    return f", did you mean {near[0]}?" if near else ""


def _keys(group: Any) -> list[str]:
    """Dotted names of all parameters below a group, or a union of groups."""
    members = [part for part in (group, *get_args(group)) if isinstance(part, type) and issubclass(part, Group)]
    keys = []
    for name, field in ((name, field) for member in members for name, field in member.model_fields.items()):
        below = _keys(field.annotation)
        keys += [f"{name}.{key}" for key in below] or [name]
    return keys
