"""What payment needs of a gateway. Each adapter is a module here; none knows the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from shop_payment.domain import Charge


class Unanswered(Exception):  # noqa: N818 - named for what it says
    """Whether the gateway did it is not known: it may be asked again with the same key."""


class Refused(Exception):  # noqa: N818
    """The gateway says no, and will say so again."""


class NotGenuine(Exception):  # noqa: N818
    """The webhook is not the gateway's, or too old; the message holds nothing of it."""


@dataclass(frozen=True)
class Order:
    """What is to be paid."""

    id: str
    amount: int
    currency: str
    method: str
    description: str


@dataclass(frozen=True)
class Told:
    """A webhook that is genuine."""

    id: str
    """Of the event; the same when it comes again."""
    type: str
    charge: Charge | None
    """None: it is about something else."""


class Gateway(Protocol):
    """One gateway. Every method raises Unanswered; those with a key do what they do once per key."""

    name: str
    settles: float
    """Seconds after which what was sent can be found, or will never be there."""
    key_life: float
    """Seconds for which the gateway remembers a key."""

    async def authorise(self, key: str, order: Order) -> Charge:
        """Holds an amount; a decline is an answer, not an error."""

    async def capture(self, key: str, charge_id: str) -> Charge:
        """Takes what is held. Raises Refused."""

    async def void(self, key: str, charge_id: str) -> Charge:
        """Gives up the hold. Raises Refused."""

    async def refund(self, key: str, charge_id: str, refund_id: str, amount: int) -> Charge:
        """Gives money back. Raises Refused."""

    async def find(self, key: str, charge_id: str | None) -> Charge | None:
        """The charge that was authorised with a key; by its own id where that is known."""

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes) -> Told:
        """What a webhook says. Raises NotGenuine."""
