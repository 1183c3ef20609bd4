"""What somebody has entered at the checkout so far; it is kept in the session."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from shop_chassis.tables import new_id
from shop_contracts.address import Address
from shop_contracts.money import Money
from shop_contracts.order_taking.api import AcceptedOrder, Figures
from shop_contracts.user.api import Email

from shop_storefront.sessions import Session
from shop_storefront.visit import Visit


class Placed(BaseModel):
    """The order that this browser placed last."""

    model_config = ConfigDict(frozen=True)

    key: str
    """Of the checkout that became it."""
    order_id: UUID
    email: str
    total: Money
    pieces: int

    @classmethod
    def of(cls, key: str, email: str, accepted: AcceptedOrder) -> "Placed":
        """What is worth remembering."""
        return cls(
            key=key,
            order_id=accepted.order_id,
            email=email,
            total=accepted.total,
            pieces=pieces_of(accepted),
        )


class Draft(BaseModel):
    """A checkout that is under way."""

    model_config = ConfigDict(frozen=True)

    key: str = ""
    """Of the order that it becomes: however often it is sent, it is one (`Idempotency-Key`)."""
    email: Email | Literal[""] = ""
    address: Address | None = None
    billing: Address | None = None
    """None: the same."""
    option: str | None = None
    """How it is sent; None: not chosen yet."""
    method: str | None = None
    """The gateway's token for a way to pay."""
    method_title: str = ""
    placed: Placed | None = None
    """The order of the checkout before."""

    @classmethod
    def of(cls, session: Session) -> "Draft":
        """That of the session, or a new one."""
        try:
            found = cls.model_validate(session.checkout)
        except ValidationError:  # of a version that had other fields
            found = cls()
        return found if found.key else found.model_copy(update={"key": str(new_id())})

    @property
    def step(self) -> str:
        """The first of `STEPS` that is not done."""
        if self.address is None or not self.email:
            return "address"
        if self.option is None:
            return "delivery"
        return "payment" if self.method is None else "review"

    def reached(self, step: str) -> bool:
        """Whether all steps before it are done."""
        return STEPS.index(self.step) >= STEPS.index(step)


STEPS = ("address", "delivery", "payment", "review")


async def keep(visit: Visit, draft: Draft, **changes: Any) -> Draft:
    """With these changes, in the session. Raises CacheUnavailable."""
    changed = draft.model_copy(update=changes)
    content = changed.model_dump(mode="json", exclude_defaults=True)
    await visit.change(lambda session: session.model_copy(update={"checkout": content}))
    return changed


async def ordered(visit: Visit, draft: Draft, accepted: AcceptedOrder) -> None:
    """The checkout became an order; the next begins with the same person. Raises CacheUnavailable."""
    placed = Placed.of(draft.key, draft.email, accepted)
    next = Draft(
        key=str(new_id()), email=draft.email, address=draft.address, billing=draft.billing, placed=placed
    )
    await keep(visit, next)


def just_placed(visit: Visit, order: UUID) -> bool:
    """Whether it is the browser's last one, of which order-processing will hear in a moment."""
    placed = Draft.of(visit.session).placed
    return placed is not None and placed.order_id == order


def pieces_of(figures: Figures) -> int:
    """How many there are of everything together."""
    return sum(line.quantity for line in figures.lines)
