"""Every value of a run, as one typed, frozen model; params.yaml is checked against it before any work.

    parameters = load_parameters(Path("params.yaml"))
    parameters.loss.w

Values live in conf/ and params.yaml alone: no field here has a default.
"""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from ruamel.yaml import YAML

from maskcon.parameters.errors import UserError


def _path(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("path", "a path without control characters")
    return text


# Kinds of values. The upper ends are far above any use, and below what 32-bit numbers or a machine can take.
Positive = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Temperature = Annotated[float, Field(ge=1e-4, le=1e6, allow_inf_nan=False)]
Strength = Annotated[float, Field(ge=1e-12, le=1e6, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Deviation = Annotated[float, Field(ge=1e-3, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=100_000_000)]
Epochs = Annotated[int, Field(ge=0, le=100_000_000)]
Channels = Annotated[int, Field(ge=1, le=65_536)]
Side = Annotated[int, Field(ge=1, le=64)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
FilePath = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_path)]
PartOfTrain = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
SplitName = Literal["val", "test"]
MeasureName = Literal["knn", "linear", "few_shot", "discovery"]


class Group(BaseModel):
    """Frozen, no unknown keys, numbers are numbers (no silent conversion from text).

    The text under a field is what it means: the description that docs/parameters.md is made from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


def _names(union: Any) -> tuple[str, ...]:
    """The names by which the members of a union of groups are picked."""
    members = get_args(get_args(union)[0])
    return tuple(name for member in members for name in get_args(member.model_fields["name"].annotation))


class SplitSizes(Group):
    """How many images each part has (the composed sets draw as many as asked)."""

    train: Count
    """Training images."""
    val: Count
    """Validation images."""
    test: Count
    """Test images."""


class ImageSet(Group):
    """What every image set has: where it comes from, its coarse labels, and how the encoder sees it."""

    name: str
    """The data set: a module of maskcon/images/sources, a preset, and the folder under data/raw and data/sets."""
    root: FilePath
    """Folder of source files: downloads are kept there, and what you have put there yourself is found."""
    raw: FilePath
    """Folder that is packed: what the download left, or your own folder of photos."""
    coarse_map: FilePath
    """CSV, fine class -> coarse class; without rows where the source itself carries coarse labels."""
    channels: Literal[1, 3]
    """3: colour; 1: grey, the encoder reads one of three equal channels."""
    height: Annotated[int, Field(ge=8, le=1024)]
    """Height of what the encoder sees, in pixels."""
    width: Annotated[int, Field(ge=8, le=1024)]
    """Width of what the encoder sees, in pixels."""
    mean: Annotated[list[Share], Field(min_length=3, max_length=3)]
    """Mean of pixels in [0, 1], per RGB channel: subtracted before the encoder."""
    std: Annotated[list[Deviation], Field(min_length=3, max_length=3)]
    """Standard deviation of pixels in [0, 1], per RGB channel: divided by before the encoder."""
    augmentation: Literal["characters", "small_colour", "photo"]
    """The family of views, a module of maskcon/views."""
    seed: Seed
    """Of what is drawn for the set itself: the same images whatever the run's seed."""

    @property
    def stored_size(self) -> tuple[int, int]:
        """Height and width of the packed images, in pixels."""
        return self.height, self.width


class ComposedSet(ImageSet):
    """Composed from the scans that scikit-learn ships."""

    name: Literal["two_digits", "digits"]
    images: SplitSizes


class PublishedSet(ImageSet):
    """From published archives, with images of one size, packed as they are."""

    name: Literal["cifar100", "cifartoy_good", "cifartoy_bad", "imagenet32", "tinyimagenet"]
    val_share: PartOfTrain
    """Share of the training images that is kept for validation."""


class PhotoSet(PublishedSet):
    """Photos of many sizes, packed at one."""

    name: Literal["cars196", "sop_split1", "sop_split2", "oxford_pets"]
    stored: Annotated[int, Field(ge=8, le=2048)] | None
    """Side in pixels of the square that a whole photo is packed as, of which views of height x width are cut;
    null: packed at height x width."""

    @property
    def stored_size(self) -> tuple[int, int]:
        return super().stored_size if self.stored is None else (self.stored, self.stored)

    @model_validator(mode="after")
    def stored_large_enough(self) -> PhotoSet:
        if self.stored is not None and self.stored < max(self.height, self.width):
            raise ValueError(f"stored={self.stored} must be at least height={self.height} and width={self.width}")
        return self


class AircraftSet(PhotoSet):
    name: Literal["fgvc_aircraft"]
    coarse_by: Literal["manufacturer", "family"]
    """Which level of the set's own hierarchy is the coarse label."""


class SpeciesSet(PhotoSet):
    name: Literal["inaturalist"]
    coarse_by: Literal["supercategory", "kingdom", "phylum", "class", "order", "family", "genus"]
    """Which rank of the set's own hierarchy is the coarse label."""


class FolderSet(PhotoSet):
    """A person's own photos; shares are used where the folder itself has no such part."""

    name: Literal["folder"]
    layout: Literal[
        "auto", "labels.csv", "split/coarse/fine", "split/coarse", "coarse/fine", "coarse", "split/fine", "fine"
    ]
    """What the folders are named by; auto: labels.csv where there is one, else as the folders look."""
    test_share: PartOfTrain
    """Share of all photos that is kept for the test, where the folder has no part called test."""
    on_bad_image: Literal["error", "skip"]
    """What to do with photos that cannot be read: stop and name them, or go on without them."""


# The image set, picked by its name.
DataParameters = Annotated[
    ComposedSet | PublishedSet | PhotoSet | AircraftSet | SpeciesSet | FolderSet, Field(discriminator="name")
]
DATA_SETS = _names(DataParameters)


class Mixup(Group):
    """Momentum mixup: a second contrast, of mixed images against mixed targets."""

    weight: Share
    """Share of the mixed contrast in the loss; the rest is the plain one's."""
    beta: Annotated[float, Field(ge=0.05, le=1000, allow_inf_nan=False)]
    """How two images are mixed: theta ~ Beta(beta, beta)."""


class Negatives(Group):
    """Which negatives the plain contrast keeps: those about as similar to the query as its own key."""

    margin: Positive
    """Of similarity: negatives within it of the own key's are kept."""
    warmup_share: Share
    """Share of training during which all negatives are kept."""


class Contrast(Group):
    """What every method has. The last three are what methods combine with; null where a method does not."""

    name: str
    """The method: a module of maskcon/methods and a preset."""
    temperature: Temperature
    """T0 or tau: of the softmax over own key and queue."""
    mixup: None
    """Momentum mixup: a second contrast, of mixed images against mixed targets; null: none."""
    negatives: None
    """Keep the negatives that are about as similar to the query as its own key is; null: all."""
    multi_crop: None
    """Further queries: a view of each of so many nearest images; 0: none."""


class Combinable(Contrast):
    """A target over own key and queue, which mixup and chosen negatives combine with."""

    mixup: Mixup | None
    negatives: Negatives | None

    @model_validator(mode="after")
    def negatives_act_on_something(self) -> Combinable:
        if self.mixup is not None and self.mixup.weight == 1 and self.negatives is not None:
            negatives = written(self.negatives.model_dump())
            raise ValueError(
                f"mixup.weight=1 leaves no plain contrast, which loss.negatives={negatives} is for; "
                "lower it, or set loss.negatives=null"
            )
        return self


class CombinableWithMultiCrop(Combinable):
    """A target that has other images' keys as positives: so views of the nearest images may be queries for it too."""

    w: Share | None
    """Share of what the method adds to the own key."""
    multi_crop: Annotated[int, Field(ge=0, le=100)]

    @model_validator(mode="after")
    def multi_crop_has_other_positives(self) -> CombinableWithMultiCrop:
        if self.w == 0 and self.multi_crop:
            raise ValueError(
                f"w=0 makes the own key the only positive, which loss.multi_crop={self.multi_crop} contradicts; "
                "raise it, or set loss.multi_crop=0"
            )
        return self


class SelfConParameters(Combinable):
    name: Literal["selfcon"]
    w: None
    soft_temperature: None


class SupConParameters(CombinableWithMultiCrop):
    name: Literal["supcon"]
    w: None
    soft_temperature: None


class GrafitParameters(CombinableWithMultiCrop):
    name: Literal["grafit"]
    w: Share
    """Share of the supervised contrast in the target; 1 - w stays on the own key."""
    soft_temperature: None


class CoInsParameters(Combinable):
    name: Literal["coins"]
    w: Share
    """Share of the coarse classifier's loss; 1 - w is the contrast's."""
    soft_temperature: None

    @model_validator(mode="after")
    def has_a_contrast_to_combine_with(self) -> CoInsParameters:
        for key, group in (("mixup", self.mixup), ("negatives", self.negatives)):
            if self.w == 1 and group is not None:
                raise ValueError(
                    f"w=1 leaves loss.name=coins no contrast, which loss.{key}={written(group.model_dump())} is for; "
                    f"lower it, or set loss.{key}=null"
                )
        return self


class MaskConParameters(CombinableWithMultiCrop):
    name: Literal["maskcon"]
    w: Share
    """Share of the soft labels in the target; 1 - w stays on the own key."""
    soft_temperature: Temperature
    """T of the soft labels: the lower, the more the nearest keys of the coarse class count."""


class AdaptiveMaskConParameters(CombinableWithMultiCrop):
    name: Literal["adaptive_maskcon"]
    w: Share
    """Share of the soft labels in the target; 1 - w stays on the own key."""
    soft_temperature: Temperature | None
    """T of the soft labels, one for all images; null: found for each image, from positive_share."""
    positive_share: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None
    """Share of the coarse class's keys that the soft labels amount to, as if so many had equal weight: one over the
    fine classes expected in a coarse class; null: soft_temperature is given instead."""
    similarity_of: Literal["keys", "features"]
    """What tells how similar two images are: their keys, or the features behind the keys."""
    classifier_share: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
    """Share of a coarse classifier's loss; the rest is the contrast's; 0: no classifier."""

    @model_validator(mode="after")
    def one_temperature(self) -> AdaptiveMaskConParameters:
        if (self.soft_temperature is None) == (self.positive_share is None):
            raise ValueError(
                f"soft_temperature={written(self.soft_temperature)} and "
                f"loss.positive_share={written(self.positive_share)}: one of the two must be given, "
                "and the other be null"
            )
        return self


class ASCLParameters(CombinableWithMultiCrop):
    name: Literal["ascl"]
    w: None
    soft_temperature: Temperature
    """T of the neighbourhood: the lower, the fewer keys count as near."""
    neighbours: Positive
    """n: the weight that a certain neighbourhood hands out."""
    mask_by_coarse: bool
    """Let only keys of the image's own coarse class be positives."""

    @model_validator(mode="after")
    def has_negatives_to_choose_from(self) -> ASCLParameters:
        if self.negatives is not None and not self.mask_by_coarse:
            negatives = written(self.negatives.model_dump())
            raise ValueError(
                f"negatives={negatives} needs loss.mask_by_coarse=true with loss.name=ascl: "
                "without it every key is a positive, and there is none to leave out"
            )
        return self


class SANEParameters(Contrast):
    name: Literal["sane"]
    w: None
    soft_temperature: Temperature
    """tau': labels are refined at temperature * soft_temperature."""
    mu_first: Weight
    """Weight of the refinement at the start of training."""
    mu_last: Weight
    """Weight of the refinement at the end; in between it follows half a cosine."""
    mixup: Mixup
    mask_by_coarse: bool
    """Let labels be refined by keys of the image's own coarse class alone."""


class PotentialParameters(Combinable):
    name: Literal["potential"]
    w: None
    soft_temperature: Temperature
    """T of the soft weights of mined positives."""
    mined: Count
    """n: positives mined for each image."""
    mined_weight: Weight
    """beta: weight of each mined positive, beside 1 for the own key."""
    soft_share: Share
    """lambda: share of the soft weighting in the mined positives' weights."""
    negatives: Negatives
    mask_by_coarse: bool
    """Let only keys of the image's own coarse class be mined."""


class WCLParameters(Contrast):
    name: Literal["wcl"]
    w: None
    soft_temperature: None
    graph_weight: Weight
    """Weight of the graph loss, beside 1 for the instance loss."""
    graph_hidden_size: Channels
    """Hidden units of the graph head, a projector of its own."""
    mask_by_coarse: bool
    """Let edges of the graph join images of one coarse class alone."""
    multi_crop: Annotated[int, Field(ge=0, le=100)]


class ANCORParameters(Contrast):
    name: Literal["ancor"]
    w: None
    soft_temperature: None
    classifier_weight: Weight
    """Weight of the coarse classifier, beside 1 for the contrast."""


class BuCSFRParameters(Contrast):
    name: Literal["bucsfr"]
    w: Share
    """Share of the coarse classifier's loss; 1 - w is the contrast's."""
    soft_temperature: Temperature
    """T of the weights of drawn positives."""
    clusters: Annotated[int, Field(ge=1, le=10_000)]
    """Clusters in a coarse class at first: a few times the fine classes expected there."""
    cluster_temperature: Temperature
    """T_c of a key's share in the clusters."""
    merge_threshold: Positive
    """Above 1: the higher, the more unlike the clusters that are merged."""
    warmup_epochs: Epochs
    """Epochs before the first clusters."""


# The method, picked by its name. A value that a method does not use is null.
LossParameters = Annotated[
    SelfConParameters
    | SupConParameters
    | GrafitParameters
    | CoInsParameters
    | MaskConParameters
    | AdaptiveMaskConParameters
    | ASCLParameters
    | SANEParameters
    | PotentialParameters
    | WCLParameters
    | ANCORParameters
    | BuCSFRParameters,
    Field(discriminator="name"),
]
METHODS = _names(LossParameters)


class ModelParameters(Group):
    """The encoder: backbone, and the projector of the contrast."""

    backbone: Literal["small_conv", "resnet18", "resnet34", "resnet50"]
    """The network from image to features."""
    width: Channels | None
    """Channels of small_conv's first layer; null for ResNets."""
    pooled: Annotated[list[Side], Field(min_length=2, max_length=2)]
    """Height and width of the grid that features are averaged to."""
    projector_hidden_size: Channels
    """Hidden units of the projector, which the contrast alone uses."""
    projection_size: Channels
    """Numbers in a projection, the projector's output."""
    imagenet_weights: bool
    """Start from torchvision's ImageNet weights (a download) instead of random ones."""


class TrainParameters(Group):
    """The recipe: how long, how fast, with which views and queue."""

    epochs: Count
    """Passes over the training images."""
    warmup_epochs: Epochs
    """Epochs in which the learning rate rises to its full value; then it falls along a cosine."""
    batch_size: Annotated[int, Field(ge=2, le=65_536)]
    """Images a step, of all processes together."""
    processes: Annotated[int, Field(ge=1, le=1024)]
    """Processes on this machine, one a GPU, that share each batch of the training, then the images to embed and the
    queries to evaluate; the result is that of one. Under torchrun: its."""
    accumulate: Annotated[int, Field(ge=1, le=65_536)]
    """Parts that each process encodes its share of a batch in, for a GPU with little memory; the loss is the whole
    batch's, batch norm sees a part at a time."""
    batch_norm: Literal["synchronised", "shuffled"]
    """Of several processes. synchronised: over the joined batch, as one process does it; shuffled: each its own, with
    keys encoded among other images than their queries."""
    learning_rate: Positive
    """Of SGD, after the warm-up."""
    sgd_momentum: Annotated[float, Field(ge=0, lt=1)]
    """Of SGD."""
    weight_decay: Weight
    """Of SGD."""
    queue_size: Count
    """K: keys of former batches that a query is compared with."""
    key_momentum: Share
    """m: the key network follows the query network, key <- m key + (1 - m) query."""
    query_view: Literal["weak", "strong"]
    """How strongly the queries' views are augmented."""
    key_view: Literal["weak", "strong"]
    """How strongly the keys' views are augmented."""
    # Not bfloat16 on the CPU: how it rounds and whether it is faster depend on the processor, so that the same command
    # would end in other numbers on another machine.
    precision: Literal["auto", "float32", "bfloat16"]
    """Of the networks' arithmetic; auto: bfloat16 on a GPU, float32 on the CPU."""
    compile: bool
    """Compile the networks with torch.compile: some minutes at the start, then steps may be faster; losses differ in
    their last digits."""
    resident_share: Share
    """Of the device's memory: sets up to here are held on it, larger ones stream from the disk."""
    snapshot_epochs: Epochs
    """Keep the weights every so many epochs, for the curve of Recall@1; 0: never."""
    checkpoint_seconds: Positive | None
    """Seconds between checkpoints, from which an interrupted training goes on; null: not by time."""
    checkpoint_steps: Count | None
    """Steps between checkpoints, besides; null: by time alone."""
    skip_non_finite_steps: Annotated[int, Field(ge=0, le=10_000)]
    """How many steps whose loss or gradient is not finite are left out, at most; 0: training stops at the first."""

    @model_validator(mode="after")
    def warms_up_before_the_end(self) -> TrainParameters:
        if self.warmup_epochs >= self.epochs:
            raise ValueError(
                f"warmup_epochs={self.warmup_epochs} must be less than train.epochs={self.epochs}; "
                f"lower it to {self.epochs - 1}, or train longer"
            )
        return self

    @model_validator(mode="after")
    def batch_can_be_shared(self) -> TrainParameters:
        problem = cannot_be_shared(self.batch_size, self.processes, self.accumulate)
        if problem:
            raise ValueError(f"{problem} (train.processes={self.processes}, train.accumulate={self.accumulate})")
        return self


def cannot_be_shared(batch_size: int, processes: int, accumulate: int) -> str | None:
    """What is wrong with cutting a batch into equal parts of two images or more, for each process and micro-batch."""
    parts = processes * accumulate
    if batch_size % parts == 0 and batch_size >= 2 * parts:
        return None
    return (
        f"batch_size={batch_size} must be a multiple of {parts}, and {2 * parts} at least, to be cut into equal parts"
    )


class KnnParameters(Group):
    neighbours: Count
    """k: training images that vote; of a smaller training part all do."""
    temperature: Temperature
    """T of the votes' weights: the lower, the more the nearest count."""


class LinearParameters(Group):
    strengths: Annotated[list[Positive], Field(min_length=1)]
    """lambda of the L2 penalty: values of which the one most accurate on validation images is chosen; where those are
    what is measured, or show no class of the training images, on a fifth of the training images held out."""


class FewShotParameters(Group):
    ways: Annotated[int, Field(ge=2, le=100_000)]
    """Classes an episode, beside episodes of all classes."""
    shots: Annotated[list[Count], Field(min_length=1)]
    """Images a class that are shown."""
    queries: Count
    """Images a class that are asked for, at most."""
    episodes: Annotated[int, Field(ge=2, le=1_000_000)]
    """Episodes that are averaged."""
    all_way_episodes: Annotated[int, Field(ge=2, le=1_000_000)]
    """Episodes of all classes; fewer do, as each asks for images of every class."""


class DiscoveryParameters(Group):
    clusters: Literal["given", "estimated"]
    """How many in a coarse class: as many as fine classes (given), or by silhouette (estimated)."""
    most_clusters: Annotated[int, Field(ge=2, le=10_000)]
    """The most that are tried in a coarse class, of an estimate."""


class EvaluateParameters(Group):
    split: SplitName
    """The part that is measured: sweeps choose on val, tables report test."""
    recall_at: Annotated[list[Count], Field(min_length=1, max_length=100)]
    """The K of Recall@K, rising from 1."""
    bootstrap_samples: Annotated[int, Field(ge=100, le=1_000_000)]
    """Resamples of the queries for the 95% intervals."""
    measures: Annotated[list[MeasureName], Field(max_length=4)]
    """What is measured beside Recall@K; knn and linear need embeddings of the training images."""
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
    tsne_images: Annotated[int, Field(ge=10, le=20_000)]
    """Images on the map, at most, drawn by seed; without openTSNE no more than 5,000."""
    tsne_perplexity: Annotated[float, Field(ge=2, le=500)]
    """Of t-SNE: about how many neighbours of an image are kept near it."""
    queries_per_coarse_class: Annotated[int, Field(ge=1, le=10)]
    """Queries of each coarse class in the figure of retrieved images."""
    neighbours: Annotated[int, Field(ge=1, le=30)]
    """Nearest images shown beside each query."""


class TrackParameters(Group):
    live: bool
    """Show the curves in MLflow while training runs."""


class Parameters(Group):
    seed: Seed
    """Of everything random in a run but the data set's own images."""
    recipe: Name
    """The published setting that was asked for, for the record."""
    data: DataParameters
    loss: LossParameters
    model: ModelParameters
    train: TrainParameters
    evaluate: EvaluateParameters
    figures: FigureParameters
    track: TrackParameters

    @model_validator(mode="after")
    def values_fit_each_other(self) -> Parameters:
        data = self.data
        if isinstance(data, ComposedSet) and data.images.train < self.train.batch_size:
            raise ValueError(
                f"train.batch_size={self.train.batch_size} is more than the {data.images.train} images "
                "of data.images.train; lower it"
            )
        if self.evaluate.split == "val" and getattr(data, "val_share", None) == 0 and data.name != "folder":
            raise ValueError("evaluate.split=val, but data.val_share=0 leaves no images for it; raise it to 0.1, say")
        if self.model.backbone == "small_conv" and self.model.width is None:
            raise ValueError("model.width=null, but model.backbone=small_conv needs a width, such as 24")
        if self.model.backbone != "small_conv" and self.model.width is not None:
            raise ValueError(
                f"model.width={self.model.width}, but model.backbone={self.model.backbone} has widths of its own; "
                f"set model.width=null, or choose all of model={self.model.backbone}"
            )
        if self.model.imagenet_weights and self.model.backbone == "small_conv":
            raise ValueError("model.imagenet_weights=true needs a ResNet as model.backbone, not small_conv")
        if self.loss.name == "bucsfr" and self.loss.warmup_epochs >= self.train.epochs:
            raise ValueError(
                f"loss.warmup_epochs={self.loss.warmup_epochs} must be less than train.epochs={self.train.epochs}"
            )
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
        reason = _fit_for_a_line(" ".join(str(error).split()) or type(error).__name__, LONGEST_REASON)
        raise UserError(f"{path} cannot be read as YAML: {reason}; mend it, or compose it again: make params") from None
    return check_parameters(values)


def check_parameters(values: Any) -> Parameters:
    """Raises: UserError, with one line for each value that is not allowed."""
    _require_bounded(values)
    try:
        return Parameters.model_validate(values)
    except ValidationError as error:
        problems = error.errors()
        lines = [_as_sentence(problem) for problem in problems[:MOST_PROBLEMS]]
        more = [f"and {len(problems) - MOST_PROBLEMS:,} more"] if len(problems) > MOST_PROBLEMS else []
        raise UserError("\n".join([*lines, *more])) from None


def _require_bounded(values: Any) -> None:
    """What no parameter can be, and no checking program gets through: numbers, texts and lists without end.

    Raises: UserError.
    """
    left = [("", values, 0)]
    for number, (key, value, depth) in enumerate(left):  # which grows on the way
        allowed = None
        if number > MOST_VALUES or depth > DEEPEST:  # a value may stand in it a million times: it is not written out
            raise UserError(
                f"{_place(key)}=({type(value).__name__}) is not allowed: it should be part of at most "
                f"{MOST_VALUES:,} values, nested at most {DEEPEST} deep"
            )
        if isinstance(value, int) and value.bit_length() > MOST_BITS:
            allowed = f"a number of at most {MOST_BITS} bits"
        elif isinstance(value, str | bytes | dict | list) and len(value) > LONGEST:
            allowed = f"of at most {LONGEST:,} characters or values"
        if allowed:
            raise UserError(f"{_place(key)}={written(value)} is not allowed: it should be {allowed}")
        if isinstance(value, dict):
            for name, inner in value.items():
                if not isinstance(name, str):
                    raise UserError(
                        f"{_place(f'{key}.{name}')}={written(inner)} is no parameter; the name of one should be text"
                    )
                left.append((f"{key}.{name}", inner, depth + 1))
        elif isinstance(value, list):
            left += [(f"{key}.{place}", inner, depth + 1) for place, inner in enumerate(value)]


def _place(key: str) -> str:
    return _fit_for_a_line(key.lstrip(".") or "params.yaml", LONGEST_VALUE)


PICKED_BY_NAME = {"data": DATA_SETS, "loss": METHODS}
LONGEST_VALUE = 120  # characters of a value in a message
LONGEST_REASON = 400
MOST_PROBLEMS = 20  # told at once
MOST_VALUES, LONGEST, DEEPEST, MOST_BITS = 20_000, 4096, 10, 63  # of what is looked at at all


def _as_sentence(problem: dict[str, Any]) -> str:
    """One problem found by pydantic, as: key=value, what is allowed."""
    location = problem["loc"]
    tag = location[1] if len(location) > 1 and location[1] in PICKED_BY_NAME.get(location[0], ()) else None
    if tag is not None:
        location = location[:1] + location[2:]
    key = _fit_for_a_line(".".join(map(str, location)), LONGEST_VALUE)
    context = problem.get("ctx", {})
    value = written(problem["input"])
    match problem["type"]:
        case "extra_forbidden":
            return f"{key}={value} is no parameter; {_keys_beside(problem['loc'], tag)}"
        case "missing":
            return f"{key} is missing in params.yaml; compose it again: make params"
        case "union_tag_not_found":
            return f"{key}.name is missing in params.yaml; compose it again: make params"
        case "union_tag_invalid":
            name = written(problem["input"]["name"])
            return f"{key}.name={name} is not allowed: it should be one of {', '.join(PICKED_BY_NAME[key])}"
        case "none_required":
            return f"{key}={value} is not allowed: {location[0]}.name={tag} does not use it, it should be null"
        case "value_error":
            text = problem["msg"].removeprefix("Value error, ")
            return f"{key}.{text}" if key else text
        case "string_pattern_mismatch":
            allowed = "a name of letters, digits and _.- that begins with a letter or digit"
        case "too_short":
            allowed = f"a list of at least {context['min_length']} values"
        case "too_long":
            allowed = f"a list of at most {context['max_length']} values"
        case "model_type" | "model_attributes_type":
            allowed = "a group of named values, as the presets in conf/ have them"
        case _:
            allowed = problem["msg"].removeprefix("Input should be ")
    return f"{key or 'params.yaml'}={value} is not allowed: it should be {allowed}"


def written(value: Any) -> str:
    """As YAML has it: null, true, "text"; what is too long or has no such form is told by its kind."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):  # odd keys; thousands of digits or brackets; a list in itself
        return f"({type(value).__name__})"
    return _fit_for_a_line(text, LONGEST_VALUE)


def _fit_for_a_line(text: str, longest: int) -> str:
    """Shortened in the middle, and escaped where a terminal would do more than show it."""
    if len(text) > longest:
        text = f"{text[: longest // 2]}...{text[-longest // 4 :]} ({len(text):,} characters)"
    return text if text.isprintable() else ascii(text)[1:-1]


def _keys_beside(location: tuple[str | int, ...], tag: str | None) -> str:
    """What may stand where an unknown key was found, and which of them was probably meant."""
    known = _fields(location[:-1], tag)
    above = "".join(f"{part}." for part in location[:-1] if part != tag)
    near = difflib.get_close_matches(str(location[-1])[:LONGEST_VALUE], known, n=1)
    meant = f"did you mean {above}{near[0]}? " if near else ""
    return f"{meant}There are {', '.join(f'{above}{name}' for name in known)}"


def _fields(location: tuple[str | int, ...], tag: str | None) -> list[str]:
    """The names of a group's fields. Behind a union of groups the location holds the tag: the name that picks one."""
    groups: list[Any] = [Parameters]
    for part in location:
        if part == tag:
            groups = [group for group in groups if tag in get_args(group.model_fields["name"].annotation)]
            continue
        annotations = [group.model_fields[part].annotation for group in groups]
        members = [member for annotation in annotations for member in get_args(annotation) or (annotation,)]
        groups = [member for member in members if isinstance(member, type) and issubclass(member, Group)]
    return list(dict.fromkeys(name for group in groups for name in group.model_fields))
