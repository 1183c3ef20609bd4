"""Recommendation's events, stream `recommendation`; the aggregate and subject is `model`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

STREAM = "recommendation"
MODEL_TRAINED: Literal["model.trained"] = "model.trained"
MODEL_SUBJECT = "model"


class ModelTrained(BaseModel):
    """There is a new model; every replica loads it while it answers with the one before."""

    model_config = ConfigDict(frozen=True)

    version: int = Field(ge=1)
