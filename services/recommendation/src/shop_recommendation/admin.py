"""The API of administrators: everything needs the scope `recommendation:admin`."""

from typing import Annotated

from fastapi import APIRouter
from shop_chassis.auth import require
from shop_chassis.problems import documented
from shop_chassis.runtime import provided
from shop_contracts.recommendation.api import ModelState, TrainingRequested

from shop_recommendation.models import Models
from shop_recommendation.serving import Serving
from shop_recommendation.trainer import Trainer

SCOPE = "recommendation:admin"

router = APIRouter(
    prefix="/admin", tags=["admin"], dependencies=[require(SCOPE)], responses=documented(401, 403, 503)
)


@router.get("/model")
async def read_model(
    models: Annotated[Models, provided(Models)],
    serving: Annotated[Serving, provided(Serving)],
    trainer: Annotated[Trainer, provided(Trainer)],
) -> ModelState:
    """The model of this replica, the newest one there is, and why they differ if they do."""
    newest = next(iter(await models.all()), None)
    loaded = serving.now.about if serving.now else None
    return ModelState(loaded=loaded, latest=newest, refused=serving.refused, training=trainer.running)


@router.post("/train", status_code=202)
async def train(trainer: Annotated[Trainer, provided(Trainer)]) -> TrainingRequested:
    """Has a model trained, in a process of its own; one at a time, whoever asks."""
    return TrainingRequested(state="started" if trainer.begin() else "running")
