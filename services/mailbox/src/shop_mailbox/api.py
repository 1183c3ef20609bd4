"""What has arrived, for programs and for people; the gateways of SMS and push; what is to go wrong."""

import time
from html import escape
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ValidationError
from shop_chassis.problems import Problem, documented
from shop_chassis.runtime import provided
from shop_contracts.notification.api import SIGNATURE_HEADER, PushRequest, SmsRequest
from shop_contracts.signature import BadSignature, verify

from shop_mailbox.post import Fault, Faults, Mail, MailPage, Post, ShortPage
from shop_mailbox.settings import MailboxSettings

TOLERANCE_SECONDS = 300.0
MAX_BYTES = 16 * 1024

router = APIRouter()
PostDep = Annotated[Post, provided(Post)]
SettingsDep = Annotated[MailboxSettings, provided(MailboxSettings)]
Signature = Annotated[str, Header(alias=SIGNATURE_HEADER, max_length=200)]
# A mail is shown as it is, so it may load pictures, but runs nothing and posts nowhere.
HARMLESS = {
    "Content-Security-Policy": "default-src 'none'; img-src * data:; style-src 'unsafe-inline'; sandbox"
}
T = TypeVar("T", bound=BaseModel)


@router.get("/mails")
async def list_mails(
    post: PostDep,
    to: Annotated[str | None, Query(max_length=254)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> MailPage:
    """Mails that have arrived, newest first."""
    found = post.mails_to(to)
    return MailPage(items=[mail for mail, _ in zip(found, range(limit), strict=False)])


@router.get("/mails/{id}", responses=documented(404))
async def read_mail(post: PostDep, id: UUID) -> Mail:
    """One of them."""
    return _mail(post, id)


@router.get("/mails/{id}/html", response_class=HTMLResponse, responses=documented(404))
async def show_mail(post: PostDep, id: UUID) -> HTMLResponse:
    """One of them, as a mail program shows it."""
    return HTMLResponse(_mail(post, id).html, headers=HARMLESS)


@router.get("/", response_class=HTMLResponse)
async def show_all(post: PostDep) -> HTMLResponse:
    """All that has arrived, for a person."""
    mails = "".join(
        f"<tr><td>{mail.at:%H:%M:%S}</td><td>{escape(', '.join(mail.to))}</td>"
        f'<td><a href="/mails/{mail.id}/html">{escape(mail.subject)}</a></td></tr>'
        for mail in post.mails
    )
    shorts = "".join(
        f"<tr><td>{each.at:%H:%M:%S}</td><td>{escape(each.to)}</td>"
        f"<td>{escape(each.channel)}: {escape(each.title)} {escape(each.text)}</td></tr>"
        for each in reversed(post.shorts.values())
    )
    return HTMLResponse(PAGE.format(rows=mails + shorts), headers=HARMLESS)


@router.get("/messages")
async def list_shorts(post: PostDep, to: Annotated[str | None, Query(max_length=500)] = None) -> ShortPage:
    """SMS and push messages that have arrived, newest first."""
    return ShortPage(items=[each for each in reversed(post.shorts.values()) if to in (None, each.to)])


@router.post("/sms", status_code=204, responses=documented(401, 413, 422, 503))
async def take_sms(post: PostDep, settings: SettingsDep, request: Request, signature: Signature = "") -> None:
    """The gateway of SMS: an SmsRequest, signed."""
    post.take_short(await _signed(request, settings, signature, SmsRequest))


@router.post("/push", status_code=204, responses=documented(401, 413, 422, 503))
async def take_push(
    post: PostDep, settings: SettingsDep, request: Request, signature: Signature = ""
) -> None:
    """The gateway of push messages: a PushRequest, signed."""
    post.take_short(await _signed(request, settings, signature, PushRequest))


@router.put("/faults")
async def set_faults(post: PostDep, wanted: Faults) -> Faults:
    """What goes wrong from now on, instead of what did; `happened` begins anew."""
    post.faults, post.happened = list(wanted.items), 0
    return _faults(post)


@router.get("/faults")
async def read_faults(post: PostDep) -> Faults:
    """What is left to go wrong, and how often something did."""
    return _faults(post)


def _faults(post: Post) -> Faults:
    items: list[Fault] = list(post.faults)
    return Faults(items=items, happened=post.happened)


def _mail(post: Post, id: UUID) -> Mail:
    found = next((mail for mail in post.mails if mail.id == id), None)
    if found is None:
        raise Problem(404, f"there is no mail {id} (any more)")
    return found


async def _signed(request: Request, settings: MailboxSettings, signature: str, kind: type[T]) -> T:
    secret = settings.webhook_secret.get_secret_value()
    if not secret:
        raise Problem(503, "signatures cannot be checked: WEBHOOK_SECRET is not set")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            raise Problem(413, f"expected at most {MAX_BYTES} bytes")
    try:
        verify(secret, signature, body, now=time.time(), tolerance=TOLERANCE_SECONDS)
        return kind.model_validate_json(body)
    except BadSignature as error:
        raise Problem(401, f"{SIGNATURE_HEADER}: {error}") from None
    except ValidationError as error:
        raise Problem(422, f"expected a {kind.__name__}: {error.errors()[0]['msg']}") from None


PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Mailbox</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
table {{ width: 100%; border-collapse: collapse }}
td {{ padding: .5rem .75rem .5rem 0; border-bottom: 1px solid #8884;
  vertical-align: top; overflow-wrap: anywhere }}
td:first-child {{ white-space: nowrap; opacity: .65 }}
</style></head>
<body><h1>Mailbox</h1><p>Everything that the shop has sent; nothing of it has left this place.</p>
<table>{rows}</table></body></html>
"""
