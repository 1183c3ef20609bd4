"""Search, as pages ask it: the choices in an address become a question, and facets become choices again."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from shop_chassis.client import ServiceClient
from shop_contracts.search.api import QUERY_MAX, SearchPage, Suggestions

SORTS = ("relevance", "newest", "price", "-price", "title")
PAGE = 24
_MOST_CHOICES = 20
_ATTRIBUTE = re.compile(r"[^:\x00-\x1f]{1,40}:[^\x00-\x1f]{1,200}")
"""As search takes them."""


@dataclass(frozen=True)
class Wanted:
    """What a visitor looks for: the query of `/search` and `/c/{category}`."""

    q: str = ""
    category: str | None = None
    attributes: tuple[str, ...] = ()
    """As `colour:navy`."""
    price: str = ""
    """`from-to` in minor units; either may be missing."""
    in_stock: bool = False
    sort: str = ""
    after: str | None = None

    @classmethod
    def of(cls, query: Mapping[str, Any], many: Iterable[str], category: str | None = None) -> "Wanted":
        """Of an address; what makes no sense is left out. `many` are the values of `attribute`."""
        low, dash, high = str(query.get("price", "")).partition("-")
        price = f"{low}-{high}" if dash and _amount(low) and _amount(high) and (low or high) else ""
        sort = str(query.get("sort", ""))
        return cls(
            q=str(query.get("q", "")).replace("\x00", "").strip()[:QUERY_MAX],
            category=category or str(query.get("category", ""))[:120] or None,
            attributes=tuple(dict.fromkeys(filter(_ATTRIBUTE.fullmatch, many)))[:_MOST_CHOICES],
            price=price,
            in_stock=query.get("in_stock") in ("1", "true", "on"),
            sort=sort if sort in SORTS else "",
            after=str(query["after"])[:2000] if query.get("after") else None,
        )

    @property
    def narrowed(self) -> bool:
        """Whether there are filters to take off."""
        return self.chosen > 0

    @property
    def chosen(self) -> int:
        """How many filters are on."""
        return len(self.attributes) + bool(self.price) + self.in_stock

    def parameters(self) -> dict[str, Any]:
        """As search takes them."""
        low, _, high = self.price.partition("-")
        given = {
            "q": self.q,
            "category": self.category,
            "attribute": list(self.attributes),
            "price_min": low,
            "price_max": high,
            "in_stock": "true" if self.in_stock else "",
            "sort": self.sort,
            "after": self.after,
            "limit": PAGE,
        }
        return {name: value for name, value in given.items() if value not in (None, "", [])}

    def address(self, path: str, **changes: Any) -> str:
        """The page with these choices, from its beginning unless `after` is among the changes."""
        wanted = replace(self, **{"after": None, **changes})
        given = {
            "q": wanted.q,
            "category": wanted.category if path == "/search" else None,
            "attribute": list(wanted.attributes),
            "price": wanted.price,
            "in_stock": "1" if wanted.in_stock else None,
            "sort": wanted.sort,
            "after": wanted.after,
        }
        query = urlencode({name: value for name, value in given.items() if value}, doseq=True)
        return f"{path}?{query}" if query else path


def _amount(text: str) -> bool:
    return text == "" or (text.isascii() and text.isdigit() and len(text) < 12)


class Search:
    """Questions of pages."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def find(self, wanted: Wanted) -> SearchPage:
        """Raises CallError; NotFound for a category that search does not know."""
        return await self._client.call("GET", "/search", params=wanted.parameters(), into=SearchPage)

    async def suggest(self, q: str) -> Suggestions:
        """What somebody may be about to type. Raises CallError."""
        params = {"q": q[:QUERY_MAX], "limit": 8}
        return await self._client.call("GET", "/suggest", params=params, into=Suggestions)
