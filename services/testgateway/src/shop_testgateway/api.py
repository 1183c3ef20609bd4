"""The routes for merchants; all need the key."""

import asyncio
import hmac
from collections.abc import Awaitable
from typing import Annotated, Never

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import SecretStr
from shop_chassis.paging import After, Limit
from shop_chassis.pan import no_card_numbers
from shop_chassis.problems import MEDIA_TYPE, Problem, documented
from shop_chassis.runtime import provided
from shop_contracts.testgateway import api

from shop_testgateway.domain import Refused
from shop_testgateway.settings import TestGatewaySettings
from shop_testgateway.store import Gateway, KeyReused, Outcome, Unknown

_bearer = HTTPBearer(scheme_name="GatewayKey", auto_error=False, description="The merchant's key.")


class Merchant:
    """Who has the key."""

    def __init__(self, key: SecretStr | None) -> None:
        self._key = key

    def check(self, given: str) -> None:
        """Raises Problem 401, or 503 where there is no key."""
        if self._key is None:
            raise Problem(503, "GATEWAY_KEY is not set: nobody can be recognised")
        if not hmac.compare_digest(given.encode(), self._key.get_secret_value().encode()):
            detail = "expected the merchant's key in Authorization: Bearer"
            raise Problem(401, detail, headers={"WWW-Authenticate": "Bearer"})


async def _merchant(
    merchant: Annotated[Merchant, provided(Merchant)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> None:
    merchant.check(credentials.credentials if credentials else "")


Store = Annotated[Gateway, provided(Gateway)]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=128,
        description="The same key with the same body is answered as before, and nothing happens twice.",
    ),
]
Id = Annotated[str, Path(max_length=64)]

methods = APIRouter(
    prefix="/v1", tags=["methods"], dependencies=[Depends(_merchant)], responses=documented(401, 503)
)
router = APIRouter(dependencies=[Depends(_merchant), no_card_numbers()], responses=documented(401, 503))
_CHANGES = documented(404, 409, 504)


@methods.post("/methods", status_code=201)
async def add_method(gateway: Store, new: api.NewMethod) -> api.Method:
    """A token for card data; only brand, last four digits and expiry are kept."""
    try:
        return await gateway.add_method(new)
    except Refused as error:
        raise Problem(422, str(error), type="card-refused") from error


@router.post(
    "/v1/charges",
    tags=["charges"],
    status_code=201,
    response_model=api.Charge,
    responses=documented(402, 504),
)
async def authorise(
    gateway: Store,
    request: Request,
    settings: Annotated[TestGatewaySettings, provided(TestGatewaySettings)],
    key: Key,
    new: api.NewCharge,
) -> Response:
    """Holds an amount. 402 when the payment is declined, with the charge as `charge`."""
    base = str(settings.public_url or request.base_url).rstrip("/")
    return await _answered(gateway.authorise(key, new, lambda id: f"{base}/challenges/{id}"))


@router.post("/v1/charges/{id}/capture", tags=["charges"], response_model=api.Charge, responses=_CHANGES)
async def capture(gateway: Store, id: Id, key: Key) -> Response:
    """Takes all that is held."""
    return await _answered(gateway.capture(key, id))


@router.post("/v1/charges/{id}/void", tags=["charges"], response_model=api.Charge, responses=_CHANGES)
async def void(gateway: Store, id: Id, key: Key) -> Response:
    """Gives up the hold."""
    return await _answered(gateway.void(key, id))


@router.post("/v1/charges/{id}/refunds", tags=["charges"], response_model=api.Charge, responses=_CHANGES)
async def refund(gateway: Store, id: Id, key: Key, new: api.NewRefund) -> Response:
    """Gives part or all of what was taken back."""
    return await _answered(gateway.refund(key, id, new))


@router.get("/v1/charges", tags=["charges"])
async def list_charges(
    gateway: Store,
    reference: Annotated[str | None, Query(max_length=64)] = None,
    key: Annotated[
        str | None, Query(max_length=128, description="The idempotency key it was made with")
    ] = None,
    limit: Limit = 20,
    after: After = None,
) -> api.ChargeList:
    """Charges, oldest first: of all orders, or of one."""
    found = await gateway.find(reference=reference, key=key, limit=limit, after=after)
    return found if found is not None else _down()


@router.get("/v1/charges/{id}", tags=["charges"], responses=documented(404))
async def read_charge(gateway: Store, id: Id) -> api.Charge:
    """One charge."""
    try:
        found = await gateway.get(id)
    except Unknown as error:
        raise Problem(404, str(error)) from error
    return found if found is not None else _down()


@router.put("/faults", tags=["faults"])
async def put_faults(gateway: Store, faults: api.Faults) -> api.FaultStates:
    """What goes wrong from now on; an empty list ends it."""
    await gateway.put_faults(faults)
    return await gateway.faults()


@router.get("/faults", tags=["faults"])
async def list_faults(gateway: Store) -> api.FaultStates:
    """What goes wrong, and how often it did."""
    return await gateway.faults()


async def _answered(work: Awaitable[Outcome]) -> Response:
    try:
        outcome = await work
    except Unknown as error:
        raise Problem(404, str(error)) from error
    except KeyReused:
        detail = "this Idempotency-Key was used with another request; take a new one"
        raise Problem(422, detail, type="idempotency-key-reused") from None
    if outcome.answer is None:
        _down()
    if (seconds := outcome.struck.seconds("timeout_after_success")) is not None:
        await asyncio.sleep(seconds)
        raise Problem(504, "a fault is switched on: it is done, but the answer is lost", type="fault")
    failed = outcome.answer.status >= 400
    media_type = MEDIA_TYPE if failed else "application/json"
    return JSONResponse(outcome.answer.body, outcome.answer.status, media_type=media_type)


def _down() -> Never:
    raise Problem(503, "a fault is switched on: the gateway is down", type="fault")
