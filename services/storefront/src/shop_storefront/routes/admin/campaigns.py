"""What is told to people: campaigns, previews of what is sent, messages that need a decision."""

from asyncio import gather
from typing import Annotated, Any, get_args
from uuid import UUID

from fastapi import Path, Response
from fastapi.responses import HTMLResponse
from shop_chassis.tables import new_id
from shop_contracts.notification.api import (
    Campaign,
    CampaignPage,
    Channel,
    Delivery,
    Language,
    MessagePage,
    NewCampaign,
    Preview,
    Promotion,
    PromotionWords,
    Segment,
    TemplateList,
)

from shop_storefront.forms import Form
from shop_storefront.near.admin import Desk
from shop_storefront.pages import pages
from shop_storefront.routes.admin import fields
from shop_storefront.routes.admin.desk import PAGE, desk, done, saved
from shop_storefront.visit import Visit, VisitDep

router = pages()
Notification = Annotated[Desk, desk("notification")]
Name = Annotated[str, Path(max_length=64)]

LANGUAGES: tuple[Language, ...] = get_args(Language)
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https: data:; sandbox allow-same-origin"
)
"""Of a mail that is shown: mails carry their styles in them, and no script of theirs ever runs here."""


@router.get("/admin/campaigns")
async def list_campaigns(visit: VisitDep, notification: Notification) -> Response:
    """Campaigns, newest first; and messages of which nobody knows whether they arrived."""
    after = visit.request.query_params.get("after")
    params = {"limit": PAGE} | ({"after": after} if after else {})
    unknown = {"state": "unknown", "limit": PAGE}
    page, messages, templates = await gather(
        notification.call("GET", "/admin/campaigns", params=params, into=CampaignPage),
        visit.site.parts.ask(
            "unknown", notification.call("GET", "/admin/messages", params=unknown, into=MessagePage)
        ),
        visit.site.parts.ask("templates", notification.call("GET", "/admin/templates", into=TemplateList)),
    )
    return await visit.page(
        "pages/admin/campaigns/list.html",
        page=page,
        after=after,
        unknown=messages.value.items if messages.value else None,
        templates=templates.value.items if templates.value else None,
    )


@router.get("/admin/campaigns/new")
async def new_campaign(visit: VisitDep, notification: Notification) -> Response:
    """An empty form; its id is the campaign's, so sent twice it is told once."""
    return await _form(visit, notification, Form().fill(id=new_id(), link="/"))


@router.post("/admin/campaigns")
async def make_campaign(visit: VisitDep, notification: Notification) -> Response:
    """Shows how it will look; the button there sends it."""
    _, form = visit.say, visit.form
    campaign = campaign_of(form)
    if campaign is None:
        return await _form(visit, notification, form)
    if not form.get("sure"):
        return await visit.page("pages/admin/campaigns/check.html", campaign=campaign, form=form)
    work = notification.call("POST", "/admin/campaigns", body=campaign, into=Campaign, idempotent=True)
    if await saved(visit, work, otherwise=_("This campaign cannot be sent.")) is None:
        return await _form(visit, notification, form)
    await visit.notice(_("The campaign is on its way."))
    return visit.to("/admin/campaigns")


@router.post("/admin/campaigns/{id}/stop")
async def stop_campaign(visit: VisitDep, notification: Notification, id: UUID) -> Response:
    """Makes no more messages of it."""
    path = {"id": id}
    work = notification.call("POST", "/admin/campaigns/{id}:stop", path=path, into=Campaign, idempotent=True)
    return await done(visit, work, visit.say("It makes no more messages."), "/admin/campaigns")


@router.get("/admin/mails/{name}")
async def read_mail(visit: VisitDep, notification: Notification, name: Name) -> Response:
    """What is sent by a template, filled with its sample."""
    preview = await _preview(visit, notification, name)
    return await visit.page(
        "pages/admin/campaigns/mail.html",
        preview=preview,
        name=name,
        languages=LANGUAGES,
        channels=get_args(Channel),
    )


@router.get("/admin/mails/{name}/page")
async def read_mail_page(visit: VisitDep, notification: Notification, name: Name) -> Response:
    """The mail as a mail program shows it."""
    preview = await _preview(visit, notification, name)
    return HTMLResponse(preview.html or "", headers={"Content-Security-Policy": MAIL_POLICY})


@router.post("/admin/deliveries/{id}/resend")
async def resend(visit: VisitDep, notification: Notification, id: UUID) -> Response:
    """Sends one again of which nobody knows whether it arrived."""
    work = notification.call(
        "POST", "/admin/deliveries/{id}:resend", path={"id": id}, into=Delivery, idempotent=False
    )
    return await done(visit, work, visit.say("It is sent again."), "/admin/campaigns")


def campaign_of(form: Form) -> NewCampaign | None:
    """What the form says; None: `form.errors` say what is wrong. A language without words is left out."""
    words: dict[Language, PromotionWords] = {}
    for language in LANGUAGES:
        sent = [form.get(f"{language}.{name}") for name in ("headline", "text", "action")]
        if language == "en" or any(sent):
            entered = form.into(PromotionWords, prefix=f"{language}.")
            if entered is not None:
                words[language] = entered
    segment = form.into(Segment, languages=form.all("languages") or None)
    promotion = form.into(Promotion, words=words, ends_at=fields.moment(form, "ends_at"))
    if form.errors or segment is None or promotion is None:
        return None
    given: dict[str, Any] = {"segment": segment, "data": promotion}
    return form.into(NewCampaign, **given, send_at=fields.moment(form, "send_at"))


async def _form(visit: Visit, notification: Desk, form: Form) -> Response:
    sample = await visit.site.parts.ask("preview", _sample(notification))
    return await visit.page(
        "pages/admin/campaigns/new.html",
        status=422 if form.errors else 200,
        form=form,
        languages=LANGUAGES,
        sample=sample.value,
    )


async def _sample(notification: Desk) -> Preview:
    return await notification.call(
        "GET", "/admin/templates/{name}/preview", path={"name": "promotion"}, into=Preview
    )


async def _preview(visit: Visit, notification: Desk, name: str) -> Preview:
    query = visit.request.query_params
    locale, channel = query.get("locale", "en"), query.get("channel", "email")
    params = {
        "locale": locale if locale in LANGUAGES else "en",
        "channel": channel if channel in get_args(Channel) else "email",
    }
    return await notification.call(
        "GET", "/admin/templates/{name}/preview", path={"name": name}, params=params, into=Preview
    )
