"""Amounts of money, as every contract writes them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])]
"""ISO 4217."""


class Money(BaseModel):
    """An amount in the currency's minor unit: 1999 EUR is €19.99, 1999 JPY is ¥1999."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"example": {"amount": 1999, "currency": "EUR"}})

    amount: Annotated[int, Field(ge=-(2**53), le=2**53)]
    """Within what every JSON reader keeps exact."""
    currency: Currency
