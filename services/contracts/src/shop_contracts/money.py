"""Amounts of money, as every contract writes them, and what may be done with them."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])]
"""ISO 4217."""

MOST = 2**53
"""Minor units: within what every JSON reader keeps exact."""


class Money(BaseModel):
    """An amount in the currency's minor unit: 1999 EUR is €19.99, 1999 JPY is ¥1999.

    Adds and subtracts within one currency, and is multiplied by whole numbers; all else raises ValueError.
    """

    model_config = ConfigDict(frozen=True, json_schema_extra={"example": {"amount": 1999, "currency": "EUR"}})

    amount: Annotated[int, Field(ge=-MOST, le=MOST)]
    currency: Currency

    @classmethod
    def zero(cls, currency: str) -> "Money":
        """Nothing, of that currency."""
        return cls(amount=0, currency=currency)

    def __add__(self, other: "Money") -> "Money":
        return Money(amount=self.amount + self._of(other), currency=self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(amount=self.amount - self._of(other), currency=self.currency)

    def __mul__(self, times: int) -> "Money":
        return Money(amount=self.amount * times, currency=self.currency)

    def __neg__(self) -> "Money":
        return Money(amount=-self.amount, currency=self.currency)

    def _of(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise ValueError(f"expected an amount in {self.currency}, found one in {other.currency}")
        return other.amount


def sum_of(amounts: Iterable[Money], currency: str) -> Money:
    """All of them together; nothing of `currency` when there are none. Raises ValueError for another one."""
    total = Money.zero(currency)
    for amount in amounts:
        total += amount
    return total
