"""While a neighbour is down: each page on which it has a part, in a real browser. `missing` is the table."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest
from playwright.sync_api import Browser as Chromium
from shop.local.addresses import Addresses
from shop_storefront.sessions import Session

from .administrator import BOSS, SERVICES, jwks, signed_in
from .browser import LONG, Window, window
from .customer import Customer, new_customer
from .missing import DEAF, LOST, REMEMBERED, SLOWLY, WITHOUT, Seen
from .serving import Served, served
from .test_browser import LOOKS
from .test_journeys import until

RIGHTS = " ".join(["shop", *(f"{each}:admin" for each in SERVICES)])
BOTH = LOOKS[:2]
CASES = [(away, *look) for n, away in enumerate(WITHOUT) for look in (BOTH if LONG else [BOTH[n % 2]])]


@pytest.fixture(scope="module")
def customer(whole_shop: Addresses) -> Customer:
    with ThreadPoolExecutor(1) as thread:  # here the browser's loop runs already
        return thread.submit(asyncio.run, new_customer(whole_shop)).result()


class Looker:
    """Opens pages of a storefront, as whom they are for."""

    def __init__(self, chrome: Chromium, shots: Path, neighbours: Addresses, customer: Customer) -> None:
        self._chrome = chrome
        self._shots = shots
        self._neighbours = neighbours
        self._customer = customer

    @contextmanager
    def at(self, there: Served, page: Seen, width: str, dark: bool = False) -> Iterator[Window]:
        """A window with the page in it."""
        with window(self._chrome, there.url, self._shots, width, dark=dark) as seen:
            if not page.guest:
                seen.context.add_cookies([there.knows(self._session(page))])
            self.open(seen, page)
            yield seen

    def open(self, seen: Window, page: Seen) -> None:
        """Again, or the next."""
        ids = vars(self._customer)
        seen.go(page.path.format_map(ids))

    def _session(self, page: Seen) -> Session:
        if page.path.startswith("/admin"):
            return signed_in(self._neighbours, BOSS, RIGHTS)
        return self._customer.session(self._neighbours)


@pytest.fixture
def look(chrome: Chromium, shots: Path, whole_shop: Addresses, customer: Customer) -> Looker:
    return Looker(chrome, shots, whole_shop, customer)


def shown(seen: Window, page: Seen, name: str) -> None:
    """It is as the table has it, and as every page must be."""
    text = seen.page.inner_text("body")
    assert [words for words in (*page.says, *page.has) if words not in text] == [], text
    assert [words for words in page.lacks if words in text] == []
    assert seen.status == page.status
    seen.holds(name, asked=page.does is not None)


@pytest.mark.parametrize(("away", "width", "dark"), CASES)
def test_pages_without_a_neighbour(
    look: Looker, whole_shop: Addresses, away: str, width: str, dark: bool
) -> None:
    pages = WITHOUT[away] if LONG else dict(islice(WITHOUT[away].items(), 1))
    with served(whole_shop.services, without=[away], auth_jwks=jwks(whole_shop)) as there:
        for name, page in pages.items():
            with look.at(there, page, width, dark) as seen:
                if page.does:
                    page.does(seen)
                shown(seen, page, f"without-{away}-{name}")


@pytest.mark.parametrize("away", LOST)
def test_what_somebody_does_right_after_a_neighbour_went_away(
    look: Looker, whole_shop: Addresses, away: str
) -> None:
    page = LOST[away]
    assert page.does is not None
    with served(whole_shop.services, on_lines=[away]) as there, look.at(there, page, "phone") as seen:
        there.loses(away)
        page.does(seen)
        shown(seen, page, f"lost-{away}")


def test_what_catalog_told_before_is_still_shown(look: Looker, whole_shop: Addresses) -> None:
    home = REMEMBERED["home"]
    with served(whole_shop.services, on_lines=["catalog"]) as there, look.at(there, home, "desktop") as seen:
        for page in REMEMBERED.values():
            look.open(seen, page)
        there.loses("catalog")
        for name, page in REMEMBERED.items():

            def said(page: Seen = page) -> bool:  # for some seconds nobody asks anew
                look.open(seen, page)
                return page.holds(seen)

            until(said)
            shown(seen, page, f"remembered-{name}")


@pytest.mark.parametrize("name", DEAF)
def test_a_neighbour_that_never_answers_costs_its_part_and_no_more_than_its_time(
    look: Looker, whole_shop: Addresses, name: str
) -> None:
    deaf, page = DEAF[name]
    deadlines = {"patience": SLOWLY, "page_seconds": 4.0 * SLOWLY}
    with (
        served(whole_shop.services, deaf=[deaf], **deadlines) as there,
        look.at(there, page, "phone") as seen,
    ):

        def said() -> bool:  # a busy neighbour may be late as well; the next page has its answer
            look.open(seen, page)
            return page.holds(seen)

        if not page.holds(seen):
            until(said)
        shown(seen, page, f"deaf-{deaf}-{name}")


@pytest.mark.skipif(not LONG, reason="a minute: SHOP_TEST_LONG=1")
@pytest.mark.parametrize("away", WITHOUT)
def test_with_everybody_there_the_same_pages_lack_nothing(
    look: Looker, whole_shop: Addresses, away: str
) -> None:
    """Else the others might look for what is never there."""
    with served(whole_shop.services, auth_jwks=jwks(whole_shop)) as there:
        for name, page in WITHOUT[away].items():
            with look.at(there, page, "desktop") as seen:
                text = seen.page.inner_text("body")
                assert [words for words in page.lacks if words not in text] == [], name
                assert [words for words in page.says if words in text] == [], name
                assert seen.status < 500, name
