"""What carriers tell us."""

import time
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from shop_chassis.problems import Problem, documented
from shop_chassis.runtime import provided
from shop_contracts.logistics.api import CARRIER_SIGNATURE, CarrierReport, Received, Slug

from shop_logistics.api import Parcels
from shop_logistics.problems import explained
from shop_logistics.reports import BadSignature, Secrets, check
from shop_logistics.shipments import Happening

router = APIRouter(prefix="/webhooks", tags=["webhooks"], dependencies=[explained])

_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": CarrierReport.model_json_schema()}},
    }
}


@router.post("/{carrier}", responses=documented(401, 404), openapi_extra=_BODY)
async def report(
    carrier: Slug,
    request: Request,
    shipments: Parcels,
    secrets: Annotated[Secrets, provided(Secrets)],
    signature: Annotated[str, Header(alias=CARRIER_SIGNATURE, max_length=200)],
) -> Received:
    """Where a parcel is. It is recorded once; a late report stays in the record and moves nothing back."""
    secret = secrets.of(carrier)
    if secret is None:
        raise Problem(404, f"no reports of {carrier} are taken: it has no secret in CARRIER_SECRETS")
    body = await request.body()
    try:
        check(signature, body, secret, time.time())
        said = CarrierReport.model_validate_json(body)
    except BadSignature as error:
        raise Problem(401, f"{CARRIER_SIGNATURE}: {error}") from None
    except ValidationError as error:
        raise RequestValidationError(
            [{**each, "loc": ("body", *each["loc"])} for each in error.errors()]
        ) from None
    happening = Happening(said.state, said.at, said.place, said.text, carrier, said.id)
    return Received(applied=await shipments.report(said.tracking_number, happening))
