"""The user service's events, stream `user`.

The aggregate, and the event's subject, is the `sub` of the tokens: a user's id or `guest:<uuid>`; of
`mail.requested` it is `mail:` and a digest of the address.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shop_contracts.user.api import Locale

STREAM = "user"
REGISTERED: Literal["registered"] = "registered"
VERIFIED: Literal["verified"] = "verified"
ERASED: Literal["erased"] = "erased"
SESSION_REVOKED: Literal["session.revoked"] = "session.revoked"
MAIL_REQUESTED: Literal["mail.requested"] = "mail.requested"


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True)


class Registered(_Event):
    """There is a new account; `GET /internal/users/{id}` says more."""

    subject: str


class Verified(_Event):
    """The e-mail address of an account was confirmed; it comes right after `registered`."""

    subject: str


class Erased(_Event):
    """Somebody wants to be forgotten: whoever holds personal data of this subject removes it."""

    subject: str
    erased_at: AwareDatetime


class SessionRevoked(_Event):
    """Access tokens that are not to be accepted any more, though they have not expired."""

    subject: str
    sid: UUID | None = None
    """The session whose tokens these are; None: all of the subject's that were issued (`iat`) before
    `revoked_before`."""
    revoked_before: AwareDatetime


Template = Literal["verify-email", "account-exists", "reset-password", "no-account", "password-changed"]


class MailRequested(_Event):
    """Somebody is to get a mail, and soon."""

    to: Annotated[str, Field(max_length=254)]
    template: Template
    locale: Locale = "en"
    data: dict[str, str] = {}
    """`name`; of `verify-email` and `reset-password` also `token` and `expires_at`.

    The token is a secret: it is not for logs.
    """
