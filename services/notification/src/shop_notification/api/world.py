"""For those without a login: who clicks in a mail, and the mail provider."""

import time
from typing import Annotated

import structlog
from fastapi import APIRouter, Header, Path, Request
from fastapi.responses import HTMLResponse
from pydantic import ValidationError
from shop_chassis.limits import limited
from shop_chassis.problems import Problem, documented
from shop_chassis.runtime import provided
from shop_contracts.notification import api
from shop_contracts.signature import BadSignature, verify

from shop_notification.records import Records
from shop_notification.settings import NotificationSettings
from shop_notification.unsubscribing import Unsubscribing

log = structlog.get_logger(__name__)

MAX_BYTES = 16 * 1024
TOLERANCE_SECONDS = 300.0

router = APIRouter(tags=["world"])
Token = Annotated[str, Path(max_length=600, pattern=r"^[A-Za-z0-9_-]+$")]
UnsubscribingDep = Annotated[Unsubscribing, provided(Unsubscribing)]
PAGE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}


@router.get(
    "/unsubscribe/{token}",
    response_class=HTMLResponse,
    responses=documented(404, 429, 503),
    dependencies=[limited(per_minute=60, burst=20)],
)
async def ask_unsubscribe(unsubscribing: UnsubscribingDep, request: Request, token: Token) -> HTMLResponse:
    """A page with a button. It changes nothing: programs that look at mails follow links, too."""
    wish = unsubscribing.wish(token)
    page = unsubscribing.page(wish, request.headers.get("accept-language", ""), asks=True)
    return HTMLResponse(page, headers=PAGE)


@router.post(
    "/unsubscribe/{token}",
    response_class=HTMLResponse,
    responses=documented(404, 429, 503),
    dependencies=[limited(per_minute=60, burst=20)],
    openapi_extra={
        "requestBody": {
            "description": "As RFC 8058 has it; nothing else is asked, so the body is not looked at",
            "content": {"application/x-www-form-urlencoded": {"schema": {"type": "object"}}},
        }
    },
)
async def unsubscribe(unsubscribing: UnsubscribingDep, request: Request, token: Token) -> HTMLResponse:
    """One click: no more of this kind by mail. Again, it changes nothing."""
    wish = unsubscribing.wish(token)
    await unsubscribing.carry_out(wish)
    page = unsubscribing.page(wish, request.headers.get("accept-language", ""), asks=False)
    return HTMLResponse(page, headers=PAGE)


@router.post(
    "/webhooks/bounces",
    status_code=204,
    responses=documented(401, 413, 422, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": api.DeliveryReport.model_json_schema()}},
        }
    },
)
async def take_report(
    records: Annotated[Records, provided(Records)],
    settings: Annotated[NotificationSettings, provided(NotificationSettings)],
    request: Request,
    signature: Annotated[str, Header(alias=api.SIGNATURE_HEADER, max_length=200)] = "",
) -> None:
    """What became of a mail, signed by who reports it."""
    secret = settings.webhook_secret.get_secret_value()
    if not secret:
        raise Problem(503, "reports cannot be checked: WEBHOOK_SECRET is not set")
    body = await _body(request)
    try:
        verify(secret, signature, body, now=time.time(), tolerance=TOLERANCE_SECONDS)
    except BadSignature as error:
        raise Problem(401, f"{api.SIGNATURE_HEADER}: {error}") from None
    try:
        report = api.DeliveryReport.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise Problem(422, f"{where}: {first['msg']}") from None
    await records.reported(report)


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            raise Problem(413, f"expected at most {MAX_BYTES} bytes")
    return body
