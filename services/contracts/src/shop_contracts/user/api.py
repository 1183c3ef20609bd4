"""Bodies of the user service's HTTP API.

| route | does |
|---|---|
| `POST /register` | takes a registration; always the same answer, what follows comes by mail |
| `POST /verify` | confirms the e-mail address with the token of that mail; now there is an account |
| `POST /login` | e-mail and password for tokens |
| `POST /refresh` | the next tokens of the session; the refresh token that was sent is used up |
| `POST /logout` | ends the session |
| `POST /password-reset`, `POST /password-reset:confirm` | asks for a mail; sets a password with its token |
| `POST /guests` | tokens for somebody without an account |
| `GET /me`, `PATCH /me`, `DELETE /me` | profile; erasure |
| `POST /me/password` | another password |
| `GET /me/export` | everything that the shop holds about the caller |
| `GET /me/sessions`, `DELETE /me/sessions`, `DELETE /me/sessions/{id}` | where the caller is signed in |
| `GET /me/preferences`, `PUT /me/preferences` | |
| `/me/addresses`, `/me/addresses/{id}` | the address book |
| `/me/payment-methods`, `/me/payment-methods/{id}` | gateways' tokens, never cards |
| `GET /.well-known/jwks.json` | public keys of the tokens (RFC 7517) |
| `POST /introspect` | whether a token holds right now (RFC 7662, as JSON) |
| `/admin/users…` | scope `user:admin` |
| `GET /internal/users/{id}` | for other services |

An access token is a JWT of ten minutes: `sub` is the user's id, or `guest:<uuid>`; `scope` has `shop`, or
`guest`, and what an administrator granted; `sid` is its session; `iat` may have a fraction.
"""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from shop_contracts.address import Address
from shop_contracts.money import Currency

SHOP = "shop"
"""Scope of everybody with an account."""

GUEST = "guest"
"""Scope of somebody without one."""

ACCESS_SECONDS = 600
"""How long an access token is valid."""

MAX_ADDRESSES = 20
MAX_PAYMENT_METHODS = 10

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"

Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        max_length=254,
        pattern=rf"^[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@(?:{_LABEL}\.)+[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])$",
    ),
    Field(examples=["ann@example.com"]),
]
"""As HTML's `<input type=email>` has it, with a dot in the domain; other scripts in their `xn--` form.

That it exists is shown by a mail that arrives.
"""

PASSWORD_LENGTH = 12
Password = Annotated[
    str, Field(min_length=PASSWORD_LENGTH, max_length=256, repr=False, examples=["correct horse battery"])
]
"""A new one. Length is what counts (NIST SP 800-63B); common ones and the e-mail address are refused."""

SentPassword = Annotated[str, Field(max_length=256, repr=False, examples=["correct horse battery"])]
"""One that is to be checked."""

PersonName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$"),
    Field(examples=["Ann Example"]),
]
Locale = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$", examples=["en", "de-DE"])]
"""BCP 47, language and perhaps region."""
Scope = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*:[a-z]+$", max_length=60, examples=["catalog:admin"])]
"""A right that an administrator grants."""
MailToken = Annotated[str, Field(min_length=20, max_length=100, pattern=r"^[A-Za-z0-9_-]+$", repr=False)]
RefreshToken = Annotated[str, Field(min_length=1, max_length=200, repr=False)]


class Request(BaseModel):
    """A body that a caller sends; an unknown field is a mistake of the caller."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Answer(BaseModel):
    """A body that the service sends."""

    model_config = ConfigDict(frozen=True)


class Registration(Request):
    """Somebody wants an account."""

    email: Email
    password: Password
    name: PersonName = ""
    locale: Locale = "en"


class Verification(Request):
    """The token of a mail with the template `verify-email`."""

    token: MailToken


class Login(Request):
    """E-mail and password."""

    email: Email
    password: SentPassword


class Refresh(Request):
    """The newest refresh token of a session."""

    refresh_token: RefreshToken


class ResetRequest(Request):
    """Who wants to set another password."""

    email: Email


class Reset(Request):
    """The token of a mail with the template `reset-password`, and the new password."""

    token: MailToken
    password: Password


class PasswordChange(Request):
    """By somebody who is signed in."""

    current: SentPassword
    new: Password


class Accepted(Answer):
    """The same whether there is such an account or not."""

    detail: str = Field(examples=["a mail is on its way to that address"])


class Tokens(Answer):
    """What a client keeps of a session (RFC 6749, section 5.1)."""

    access_token: str = Field(repr=False, examples=["eyJhbGciOiJFUzI1NiJ9.e30.c2ln"])
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int = Field(examples=[600])
    """Seconds."""
    refresh_token: str = Field(repr=False, examples=["q3mO1Yw5Jc0c2yV7QmXb1k7Q0n3aQ1m9J6m3s8dZx2E"])
    """For one use; the answer to it has the next."""
    refresh_expires_at: AwareDatetime
    scope: str = Field(examples=["shop"])
    """Separated by spaces."""
    subject: str = Field(examples=["0198f0a0-0000-7000-8000-000000000001"])
    session_id: UUID


class Preferences(BaseModel):
    """How somebody wants to be dealt with."""

    model_config = ConfigDict(extra="forbid")

    locale: Locale = "en"
    currency: Currency = "EUR"
    channels: list[Literal["email", "sms", "push", "inbox"]] = Field(default=["email", "inbox"], max_length=4)
    """Where messages may go."""
    promotions: bool = False
    """Advertising, only when asked for."""
    price_alerts: bool = True
    digest: Literal["immediate", "daily", "weekly"] = "immediate"


class Profile(Answer):
    """The caller's own account."""

    id: UUID
    email: str = Field(examples=["ann@example.com"])
    name: str = Field(examples=["Ann Example"])
    scopes: list[str] = Field(examples=[["shop"]])
    created_at: AwareDatetime
    version: int
    """Grows with every change; its quoted form is the ETag of profile and preferences."""


class ProfileChanges(Request):
    """What is left out stays."""

    name: PersonName | None = None


class Session(Answer):
    """Somewhere the caller is signed in."""

    id: UUID
    created_at: AwareDatetime
    used_at: AwareDatetime
    expires_at: AwareDatetime
    current: bool
    """Whether the token of this request is of it."""


class Sessions(Answer):
    """Newest first."""

    items: list[Session]


class AddressEntry(Request):
    """An entry of the address book as it is to be, the whole of it."""

    address: Address
    label: Annotated[
        str, StringConstraints(strip_whitespace=True, max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")
    ] = ""
    default_shipping: bool = False
    default_billing: bool = False


class NewAddress(AddressEntry):
    """An entry to be added."""

    id: UUID | None = None
    """Of the caller's choice, so that a repeated request makes no second entry; None: a new one."""


class SavedAddress(Answer):
    """An entry of the address book. At most one is the default of each kind."""

    id: UUID
    address: Address
    label: str = Field(examples=["home"])
    default_shipping: bool
    default_billing: bool
    version: int
    """Its quoted form is the ETag."""


class AddressBook(Answer):
    """All of somebody's addresses, oldest first."""

    items: list[SavedAddress]


class NewPaymentMethod(Request):
    """What a gateway gave for a card that only it has seen."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "gateway": "test",
                "token": "tok_visa",
                "brand": "visa",
                "last4": "4242",
                "expires": "2030-12",
            }
        }
    )

    gateway: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$", examples=["test"])]
    token: Annotated[str, Field(pattern=r"^[A-Za-z]+_[A-Za-z0-9_]{1,120}$", examples=["tok_visa"])]
    """As gateways write them, with a prefix: `tok_…`, `pm_…`."""
    brand: Annotated[str, Field(pattern=r"^[a-z][a-z0-9 -]{0,29}$", examples=["visa"])]
    last4: Annotated[str, Field(pattern=r"^[0-9]{4}$", examples=["4242"])]
    expires: Annotated[str, Field(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", examples=["2030-12"])]
    """Year and month."""


class PaymentMethod(Answer):
    """A way to pay that somebody keeps here."""

    id: UUID
    gateway: str
    token: str
    brand: str
    last4: str
    expires: str


class PaymentMethods(Answer):
    """All of somebody's, oldest first."""

    items: list[PaymentMethod]


class Unanswered(Answer):
    """A service that could not say what it holds."""

    service: str
    reason: str


class Export(Answer):
    """Everything that the shop holds about one person, by service."""

    subject: str
    exported_at: AwareDatetime
    data: dict[str, dict[str, Any]]
    unanswered: list[Unanswered] = []
    """Ask again later for what these hold."""


class TokenQuestion(Request):
    """An access token to be looked at."""

    token: Annotated[str, Field(min_length=1, max_length=4000, repr=False)]


class TokenState(Answer):
    """RFC 7662, section 2.2; of a token that does not hold only `active` is said."""

    active: bool
    sub: str | None = None
    scope: str | None = None
    sid: UUID | None = None
    iat: float | None = None
    exp: float | None = None


AccountState = Literal["active", "locked", "erased"]


class User(Answer):
    """An account as other services see it: `GET /internal/users/{id}`. An erased one is a 404.

    Every account's e-mail address is confirmed: before that there is none.
    """

    id: UUID
    email: str
    name: str
    locked: bool
    preferences: Preferences


class AdminUser(Answer):
    """An account as administrators see it."""

    id: UUID
    email: str | None
    """None once it is erased."""
    name: str
    state: AccountState
    scopes: list[str]
    locked_reason: str | None = None
    created_at: AwareDatetime
    last_login_at: AwareDatetime | None = None
    version: int


class AdminUserPage(Answer):
    """Newest first."""

    items: list[AdminUser]
    next: str | None = None


class Lock(Request):
    """Why nobody may sign in to an account."""

    reason: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$"
        ),
        Field(examples=["stolen password"]),
    ]


class Scopes(Request):
    """What an account may do besides shopping: all of it, so what is not in it is taken away."""

    scopes: list[Scope] = Field(max_length=30, examples=[["catalog:admin", "warehouse:admin"]])
