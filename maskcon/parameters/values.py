"""Kinds of values, and groups of them. Upper ends are far above any use, and below what 32-bit numbers can take."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError


def _path(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("path", "a path without control characters")
    return text


Positive = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Temperature = Annotated[float, Field(ge=1e-4, le=1e6, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
PartOfTrain = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
Deviation = Annotated[float, Field(ge=1e-3, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=100_000_000)]
Epochs = Annotated[int, Field(ge=0, le=100_000_000)]
Channels = Annotated[int, Field(ge=1, le=65_536)]
Side = Annotated[int, Field(ge=1, le=64)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
FilePath = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_path)]


class Group(BaseModel):
    """Values under one key. Frozen, without unknown keys or silent conversions, and without defaults.

    The text under a field says what it means; docs/parameters.md is made from it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)
