"""Postal addresses, as every contract writes them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$", examples=["DE"])]
"""ISO 3166-1 alpha-2."""


def _line(longest: int, *, required: bool = False) -> StringConstraints:
    return StringConstraints(
        strip_whitespace=True,
        min_length=1 if required else 0,
        max_length=longest,
        pattern=r"^[^\x00-\x1f\x7f]*$",
    )


class Address(BaseModel):
    """Where something is sent, or billed; one line each, without control characters."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "example": {
                "name": "Ann Example",
                "line1": "Lindenallee 12",
                "city": "Berlin",
                "postal_code": "10115",
                "country": "DE",
            }
        },
    )

    name: Annotated[str, _line(100, required=True)]
    """Of the person or firm that receives it."""
    line1: Annotated[str, _line(120, required=True)]
    """Street and number, or what stands in their place."""
    line2: Annotated[str, _line(120)] = ""
    city: Annotated[str, _line(100, required=True)]
    postal_code: Annotated[str, _line(16)]
    """Empty where the country has none."""
    region: Annotated[str, _line(100)] = ""
    """State, province or county, where the country's addresses have it."""
    country: Country
    phone: Annotated[str, _line(32)] = ""
    """For the carrier."""
