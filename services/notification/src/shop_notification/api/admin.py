"""What administrators see and do."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from shop_chassis.auth import require
from shop_chassis.paging import After, Limit
from shop_chassis.problems import Problem, documented
from shop_chassis.runtime import StoreDep, provided
from shop_contracts.notification import api
from shop_contracts.user.api import Email

from shop_notification import suppressions
from shop_notification.campaigns import Campaigns
from shop_notification.records import Records
from shop_notification.settings import NotificationSettings
from shop_notification.templates import LANGUAGES, NoSuchTemplate, Reader, Templates

ADMIN = "notification:admin"

router = APIRouter(
    prefix="/admin", tags=["admin"], dependencies=[require(ADMIN)], responses=documented(401, 403, 503)
)
TemplatesDep = Annotated[Templates, provided(Templates)]
CampaignsDep = Annotated[Campaigns, provided(Campaigns)]
RecordsDep = Annotated[Records, provided(Records)]
SettingsDep = Annotated[NotificationSettings, provided(NotificationSettings)]


@router.get("/templates")
async def list_templates(templates: TemplatesDep) -> api.TemplateList:
    """Everything that can be sent, by name."""
    items = [
        api.TemplateInfo(name=each.name, kind=each.kind, languages=list(LANGUAGES), channels=each.channels)
        for each in templates.all.values()
    ]
    return api.TemplateList(items=items)


@router.get("/templates/{name}/preview", responses=documented(404))
async def preview_template(
    templates: TemplatesDep,
    settings: SettingsDep,
    name: Annotated[str, Path(max_length=64)],
    locale: Annotated[
        str, Query(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$", description="Language, perhaps region")
    ] = "en",
    channel: Annotated[api.Channel, Query()] = "email",
) -> api.Preview:
    """A template filled with its sample, as somebody would get it."""
    try:
        template = templates.named(name)
    except NoSuchTemplate as error:
        raise Problem(404, str(error)) from None
    if channel not in template.channels:
        raise Problem(404, f"{name} is not sent by {channel}, but by {', '.join(template.channels)}")
    return templates.preview(template, channel, Reader(locale, settings.timezone))


@router.post(
    "/campaigns",
    status_code=201,
    responses={200: {"description": "It was there already"}, **documented(409, 422)},
)
async def make_campaign(campaigns: CampaignsDep, new: api.NewCampaign, response: Response) -> api.Campaign:
    """Sends a promotion to a segment. With an id of the caller's it may be repeated."""
    campaign, created = await campaigns.make(new)
    response.status_code = 201 if created else 200
    response.headers["Location"] = f"/admin/campaigns/{campaign.id}"
    return campaign


@router.get("/campaigns", responses=documented(422))
async def list_campaigns(campaigns: CampaignsDep, limit: Limit = 20, after: After = None) -> api.CampaignPage:
    """Newest first."""
    return await campaigns.page(limit, after)


@router.get("/campaigns/{id}", responses=documented(404))
async def read_campaign(campaigns: CampaignsDep, id: UUID) -> api.Campaign:
    """One, and how far it is."""
    return await campaigns.read(id)


@router.post("/campaigns/{id}:stop", responses=documented(404))
async def stop_campaign(campaigns: CampaignsDep, id: UUID) -> api.Campaign:
    """Makes no more messages of it. One that is over stays so."""
    return await campaigns.stop(id)


@router.get("/messages", responses=documented(422))
async def list_messages(
    records: RecordsDep,
    state: Annotated[api.DeliveryState | None, Query(description="Of one of its deliveries")] = None,
    subject: Annotated[str | None, Query(max_length=128, pattern=r"^[^\x00]*$")] = None,
    address: Annotated[str | None, Query(max_length=500, pattern=r"^[^\x00]*$")] = None,
    kind: Annotated[api.Kind | None, Query()] = None,
    limit: Limit = 20,
    after: After = None,
) -> api.MessagePage:
    """What was to be told, newest first; `state=unknown` are those that need a decision."""
    return await records.page(
        state=state, subject=subject, address=address, kind=kind, limit=limit, after=after
    )


@router.post("/deliveries/{id}:resend", responses=documented(404, 409))
async def resend(records: RecordsDep, id: UUID) -> api.Delivery:
    """Sends one again that failed, or of which nobody knows whether it arrived."""
    return await records.resend(id)


@router.get("/suppressions", responses=documented(422))
async def list_suppressions(store: StoreDep, limit: Limit = 20, after: After = None) -> api.SuppressionPage:
    """Addresses to which something is not sent, by address."""
    async with store.session() as session:
        return await suppressions.listed(session, limit, after)


@router.delete("/suppressions/{address}", status_code=204, responses=documented(404))
async def lift_suppression(store: StoreDep, address: Annotated[Email, Path()]) -> None:
    """Everything may be sent there again."""
    async with store.transaction() as session:
        if not await suppressions.lift(session, address):
            raise Problem(404, "nothing is held back from that address")
