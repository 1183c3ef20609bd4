"""Bodies of notification's HTTP API.

| route | does |
|---|---|
| `GET /inbox` | the caller's own messages, newest first; `POST /inbox/{id}:read`, `POST /inbox:read-all` |
| `GET /inbox/stream` | server-sent events `unread`, whose data is the number of unread ones |
| `GET /preferences`, `PUT /preferences` | what the caller wants to hear of, where and when; with an ETag |
| `GET /unsubscribe/{token}` | a page that asks; changes nothing, since programs follow links too |
| `POST /unsubscribe/{token}` | no more of this kind by mail: one click (RFC 8058), no login |
| `POST /webhooks/bounces` | a DeliveryReport of the mail provider, signed |
| `GET /admin/templates`, `GET /admin/templates/{name}/preview` | what is sent, with sample data |
| `POST /admin/campaigns`, `GET …`, `GET …/{id}`, `POST …/{id}:stop` | a promotion to a segment |
| `GET /admin/messages`, `POST /admin/deliveries/{id}:resend` | what was sent, and what became of it |
| `GET /admin/suppressions`, `DELETE /admin/suppressions/{address}` | addresses to which nothing is sent |

Inbox routes need the scope `shop` or `guest`, preferences `shop`, admin routes `notification:admin`.
What goes out by webhook (`SmsRequest`, `PushRequest`) and what comes in (`DeliveryReport`) is signed in the
header `Shop-Signature` as `shop_contracts.signature` says.
"""

from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, HttpUrl, StringConstraints

from shop_contracts.catalog.api import Image
from shop_contracts.user.api import Email, Locale

SIGNATURE_HEADER = "Shop-Signature"

Channel = Literal["email", "sms", "push", "inbox"]
Kind = Literal["order", "account", "price_drop", "promotion"]
"""`account` is always sent, by e-mail alone; the others as somebody wishes."""
Language = Literal["en", "de"]
"""Those that the templates are written in; English stands in for every other."""
DeliveryState = Literal[
    "waiting", "sending", "sent", "digested", "suppressed", "withdrawn", "failed", "unknown", "bounced"
]
"""`digested`: part of a digest that is a delivery of its own. `suppressed`: the address, or a wish, does not
allow it. `withdrawn`: overtaken by news, or the person is gone. `unknown`: the mail server broke off after it
had the whole mail, so it may have been delivered: only a report of the provider or a person decides."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Request(BaseModel):
    """A body that a caller sends; an unknown field is a mistake of the caller."""

    model_config = ConfigDict(extra="forbid")


class InboxItem(_Answer):
    """A message in the shop's own inbox."""

    id: UUID
    at: AwareDatetime
    kind: Kind
    title: str = Field(examples=["Your order is on its way"])
    text: str = Field(examples=["Order 1F6A2D0C will be there by Thursday."])
    link: str = Field(examples=["/orders/018f6d2e-6f00-7cc0-8000-1f6a2d0c0001"])
    """A path at the storefront."""
    image: Image | None = None
    read_at: AwareDatetime | None = None


class InboxPage(_Answer):
    """Newest first."""

    items: list[InboxItem]
    unread: int
    """Of all, not of this page."""
    next: str | None = None


class Unread(_Answer):
    """How many messages are unread."""

    unread: int


class Kinds(_Request):
    """Of what somebody wants to hear on one channel."""

    order: bool = False
    price_drop: bool = False
    promotion: bool = False


class Channels(_Request):
    """Where somebody wants to hear of what."""

    email: Kinds = Kinds(order=True, price_drop=True)
    sms: Kinds = Kinds()
    push: Kinds = Kinds()
    inbox: Kinds = Kinds(order=True, price_drop=True)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"expected a time zone like Europe/Berlin, found {name}") from error
    return name


TimeZone = Annotated[
    str,
    Field(pattern=r"^[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$", max_length=64, examples=["Europe/Berlin"]),
    AfterValidator(_known_zone),
]
"""A name of the IANA time zone database."""
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["22:00"])]
"""What a clock on the wall shows."""


class QuietHours(_Request):
    """When somebody is not to be disturbed, by the clock on their wall; perhaps over midnight."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )

    begin: Clock = Field(alias="from")
    to: Clock
    """The first minute in which one may be disturbed again; the same as `from`: never quiet."""
    timezone: TimeZone = "Europe/Berlin"


class Preferences(_Request):
    """What somebody wants to hear of, where and when.

    Until they are set here, they follow from the preferences at user.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "channels": {
                    "email": {"order": True, "price_drop": True, "promotion": False},
                    "push": {"order": True},
                },
                "quiet_hours": {"from": "22:00", "to": "07:00", "timezone": "Europe/Berlin"},
                "digest": "daily",
                "locale": "de-DE",
                "push_endpoint": "https://push.example.com/send/1f6a2d0c",
            }
        },
    )

    channels: Channels = Channels()
    quiet_hours: QuietHours | None = None
    """Hold back SMS and push, and mails of price drops and promotions; not what is urgent."""
    digest: Literal["off", "daily", "weekly"] = "off"
    """Gathers the mails of price drops and promotions: each morning at eight, or on Monday's."""
    locale: Locale = "en"
    phone: Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$", examples=["+4915123456789"])] | None = None
    """For SMS (E.164)."""
    push_endpoint: Annotated[HttpUrl, Field(max_length=500)] | None = None
    """Of the device, as its push service named it."""


class SmsRequest(BaseModel):
    """What is posted to SMS_URL; repeated with the same id until it is answered 2xx."""

    id: UUID
    to: str
    text: str


class PushRequest(BaseModel):
    """What is posted to PUSH_URL; repeated with the same id until it is answered 2xx."""

    id: UUID
    endpoint: str
    title: str
    text: str
    link: str
    """Absolute."""


class DeliveryReport(_Request):
    """What the mail provider says became of a mail."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "hard_bounce",
                "address": "ann@example.com",
                "message_id": "<018f6d2e-6f00-7cc0-8000-1f6a2d0c0001@shop.example>",
                "reason": "550 5.1.1 no such user",
            }
        },
    )

    type: Literal["delivered", "hard_bounce", "soft_bounce", "complaint"]
    """`hard_bounce`: nothing is sent to the address any more. `complaint`: no price drops or promotions."""
    address: Email
    message_id: Annotated[str, Field(max_length=300, pattern=r"^<[!-~]+>$")] | None = None
    """Settles what is unknown of that mail."""
    reason: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""


class TemplateInfo(_Answer):
    """Something that can be sent."""

    name: str = Field(examples=["order-confirmed"])
    kind: Kind
    languages: list[Language]
    channels: list[Channel]


class TemplateList(_Answer):
    """By name."""

    items: list[TemplateInfo]


class Preview(_Answer):
    """A template filled with its sample; of the channel what it has."""

    template: str
    language: Language
    channel: Channel
    title: str
    """Of a mail its subject."""
    text: str
    html: str | None = None
    link: str | None = None


_TEXT = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"
_Words = StringConstraints(strip_whitespace=True, min_length=1, pattern=_TEXT)


class PromotionWords(_Request):
    """What a promotion says, in one language."""

    headline: Annotated[str, _Words, Field(max_length=120, examples=["A warm winter"])]
    """The subject of the mail, too."""
    text: Annotated[
        str, _Words, Field(max_length=2000, examples=["15 % off everything knitted, until Sunday."])
    ]
    """Paragraphs are apart by an empty line."""
    action: Annotated[str, _Words, Field(max_length=40)] | None = None
    """On the button."""


class Promotion(_Request):
    """What a campaign tells."""

    words: dict[Language, PromotionWords]
    """English at least: it stands in for other languages."""
    link: Annotated[str, Field(pattern=r"^/[!-~]*$", max_length=500, examples=["/c/textiles"])] = "/"
    """A path at the storefront."""
    image: Image | None = None
    coupon: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,40}$", examples=["WELCOME10"])] | None = None
    ends_at: AwareDatetime | None = None


class Segment(_Request):
    """To whom: those who agreed to promotions, and of these who is all that is asked for here."""

    languages: list[Language] | None = Field(default=None, min_length=1, max_length=2)
    orders_at_least: int | None = Field(default=None, ge=1, le=1_000_000)
    ordered_within_days: int | None = Field(default=None, ge=1, le=3650)
    not_ordered_for_days: int | None = Field(default=None, ge=1, le=3650)


class NewCampaign(_Request):
    """A promotion to a segment."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "segment": {"ordered_within_days": 365},
                "template": "promotion",
                "data": {
                    "words": {
                        "en": {"headline": "A warm winter", "text": "15 % off everything knitted."},
                        "de": {"headline": "Ein warmer Winter", "text": "15 % auf alles Gestrickte."},
                    },
                    "link": "/c/textiles",
                    "coupon": "WELCOME10",
                },
            }
        },
    )

    id: UUID | None = None
    """Of the caller's choice, so that a repeated request sends nothing twice; None: a new one."""
    segment: Segment = Segment()
    template: Literal["promotion"] = "promotion"
    data: Promotion
    send_at: AwareDatetime | None = None
    """None: now."""


class Campaign(_Answer):
    """A campaign and how far it is."""

    id: UUID
    state: Literal["planned", "running", "done", "stopped"]
    segment: Segment
    template: str
    data: Promotion
    send_at: AwareDatetime
    created_at: AwareDatetime
    looked_at: int
    """People so far."""
    messages: int
    """Made so far: one for each who fits the segment and has agreed."""


class CampaignPage(_Answer):
    """Newest first."""

    items: list[Campaign]
    next: str | None = None


class Delivery(_Answer):
    """A message on one channel."""

    id: UUID
    channel: Channel
    state: DeliveryState
    address: str | None
    send_at: AwareDatetime | None
    """When it is tried next; None when it is over."""
    attempts: int
    sent_at: AwareDatetime | None
    reason: str | None = None


class Message(_Answer):
    """What was to be told to somebody, and how that went."""

    id: UUID
    subject: str | None
    kind: Kind
    template: str
    locale: str
    created_at: AwareDatetime
    planned: bool
    """False: it is not decided yet where and when it goes."""
    reason: str | None = None
    """Why it is waiting or goes nowhere."""
    deliveries: list[Delivery]


class MessagePage(_Answer):
    """Newest first."""

    items: list[Message]
    next: str | None = None


class Suppression(_Answer):
    """An address to which something is not sent."""

    address: str
    kind: Kind | None
    """None: nothing at all."""
    reason: str
    at: AwareDatetime


class SuppressionPage(_Answer):
    """By address."""

    items: list[Suppression]
    next: str | None = None
