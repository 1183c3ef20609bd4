"""What sending costs, and who carries it: pure functions over the rows of the table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Offer:
    """A carrier's price for a parcel up to a weight, at a speed, to one zone in one currency."""

    carrier: str
    option: str
    max_weight_grams: int
    price: int
    """Minor units of the currency."""
    days_min: int
    days_max: int
    """Working days until it arrives."""


def normalised(postal_code: str) -> str:
    """Letters and digits alone, in capitals: `sw1a 1aa` is SW1A1AA."""
    return "".join(character for character in postal_code.upper() if character.isalnum())


def zone_of(prefixes: Mapping[str, str], postal_code: str) -> str | None:
    """Of the country's prefixes the longest that fits, "" fits all: its zone. None: nobody goes there."""
    code = normalised(postal_code)
    for length in range(len(code), -1, -1):
        if (zone := prefixes.get(code[:length])) is not None:
            return zone
    return None


def bands(offers: Iterable[Offer], weight_grams: int) -> list[Offer]:
    """Of each carrier and option the narrowest band that holds the weight; none where it is too heavy."""
    narrowest: dict[tuple[str, str], Offer] = {}
    for offer in offers:
        key = offer.carrier, offer.option
        if weight_grams <= offer.max_weight_grams and (
            key not in narrowest or offer.max_weight_grams < narrowest[key].max_weight_grams
        ):
            narrowest[key] = offer
    return list(narrowest.values())


def cheapest(offers: Iterable[Offer], weight_grams: int) -> list[Offer]:
    """For each option the cheapest carrier that can, the quicker one of equals; cheapest option first."""
    best: dict[str, Offer] = {}
    for offer in sorted(bands(offers, weight_grams), key=_preference):
        best.setdefault(offer.option, offer)
    return list(best.values())


def _preference(offer: Offer) -> tuple[int, int, int, str, str]:
    return offer.price, offer.days_max, offer.days_min, offer.carrier, offer.option


def working_days_after(day: date, count: int) -> date:
    """The working day, Monday to Friday, that comes `count` of them after `day`; 0 is the day itself.

    Public holidays are not known: they differ by country and region.
    """
    while count > 0:
        day += timedelta(days=1)
        if day.weekday() < 5:
            count -= 1
    return day
