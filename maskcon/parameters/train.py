"""Values of the training: how long, how fast, with which views and queue."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from maskcon.parameters.values import Count, Epochs, Group, Positive, Share, Weight

View = Literal["weak", "strong", "whole"]


class StoredViews(Group):
    """How many views of every training image are stored as features beside that of the whole image, once for all
    trainings."""

    weak: Annotated[int, Field(ge=0, le=1000)]
    """Weakly augmented views."""
    strong: Annotated[int, Field(ge=0, le=1000)]
    """Strongly augmented views."""


class TrainParameters(Group):
    backbone: Literal["trained", "frozen"]
    """trained: the whole network learns from images; frozen: its features are computed once, and an adapter and the
    projector learn from them."""
    stored_views: StoredViews
    """Used with train.backbone=frozen only."""
    epochs: Epochs
    """Passes over the training images; 0: only embed them, with the encoder as it is before training."""
    warmup_epochs: Epochs
    """Epochs in which the learning rate rises to its peak, at most half of the training; then it falls along a
    cosine."""
    batch_size: Annotated[int, Field(ge=2, le=65_536)]
    """Images in a step, of all processes together."""
    processes: Annotated[int, Field(ge=1, le=1024)]
    """Processes on this machine, one for each GPU, that share each batch; the result is that of one process. Under
    torchrun, its processes are used."""
    accumulate: Annotated[int, Field(ge=1, le=65_536)]
    """Parts in which each process encodes its share of a batch, for a GPU with little memory. The loss is that of the
    whole batch; batch norm sees one part at a time."""
    batch_norm: Literal["synchronised", "shuffled", "as_loaded"]
    """The statistics that batch norm uses. synchronised: those of the joined batch of all processes; shuffled: those of
    each process's share, with keys encoded among other images than their queries; as_loaded: those of the weights that
    training starts from."""
    learning_rate: Positive
    """Peak learning rate."""
    backbone_rate: Share
    """Learning rate of the backbone's weights, as a share of learning_rate; the projector and other heads have
    learning_rate itself. Used with train.backbone=trained only."""
    sgd_momentum: Annotated[float, Field(ge=0, lt=1)]
    """SGD momentum."""
    weight_decay: Weight
    """SGD weight decay."""
    queue_size: Count
    """K: keys of former batches that a query is compared with. With a frozen backbone at most half as many as there are
    training images: older keys of an image itself would be taken for its nearest neighbours."""
    key_momentum: Share
    """m: the key network follows the query network, key <- m key + (1 - m) query."""
    query_view: View
    """What queries are made of: weakly or strongly augmented views, or whole images."""
    key_view: View
    """What keys are made of, likewise. Soft labels compare keys: of whole images they are more often right."""
    precision: Literal["auto", "float32", "bfloat16"]
    """Precision of the networks in training; auto: bfloat16 on a GPU and on processors that multiply in it (AMX,
    AVX512-BF16), else float32. The run records which."""
    compile: bool
    """Compile the networks with torch.compile: it takes some minutes at the start, then steps may be faster. Losses
    differ in their last digits."""
    resident_share: Share
    """Share of the device's memory up to which a set is held on the device; larger sets stream from the disk."""
    snapshot_epochs: Epochs
    """Keep the weights every so many epochs, for the curve of Recall@1; 0: never."""
    checkpoint_seconds: Positive | None
    """Seconds between checkpoints, from which an interrupted training goes on; null: not by time."""
    checkpoint_steps: Count | None
    """Steps between checkpoints, in addition; null: by time alone."""

    @model_validator(mode="after")
    def views_are_stored(self) -> TrainParameters:
        stored = self.stored_views
        for name, view in (("query_view", self.query_view), ("key_view", self.key_view)):
            if self.backbone == "frozen" and getattr(stored, view, 1) == 0:
                raise ValueError(f"{name}={view} needs train.stored_views.{view} of 1 or more, it is 0")
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
    return f"batch_size={batch_size} must be a multiple of {parts}, at least {2 * parts}, to be cut into equal parts"
