"""Where gateways tell what happened. Anybody can call it: what counts is the signature over the raw body.

The body is neither stored nor logged.
"""

from typing import Annotated

import structlog
from fastapi import APIRouter, Path, Request
from shop_chassis.problems import Problem, documented
from shop_chassis.runtime import provided

from shop_payment.gateways import NotGenuine, Unanswered
from shop_payment.payments import Payments, UnknownGateway

log = structlog.get_logger(__name__)

MAX_BYTES = 256 * 1024

router = APIRouter(tags=["webhooks"])


@router.post(
    "/webhooks/{gateway}",
    status_code=204,
    responses=documented(400, 404, 413, 503),
    openapi_extra={
        "requestBody": {
            "content": {"application/json": {"schema": {"type": "object"}}},
            "description": "The gateway's event, signed in a header",
        }
    },
)
async def take(
    gateway: Annotated[str, Path(max_length=32)],
    request: Request,
    payments: Annotated[Payments, provided(Payments)],
) -> None:
    """An event of a gateway. It counts once, in whatever order it comes."""
    try:
        adapter = payments.gateway(gateway)
        told = await adapter.verify_webhook(request.headers, await _body(request))
    except UnknownGateway as error:
        raise Problem(404, str(error)) from error
    except NotGenuine as error:
        log.warning("webhook refused", gateway=gateway, reason=str(error))
        raise Problem(400, str(error), type="not-genuine") from error
    except Unanswered as error:
        detail = "the gateway could not be asked about this event; send it again"
        raise Problem(503, detail, type="gateway-unavailable", headers={"Retry-After": "5"}) from error
    await payments.told(gateway, told)


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            raise Problem(413, f"expected at most {MAX_BYTES} bytes")
    return body
