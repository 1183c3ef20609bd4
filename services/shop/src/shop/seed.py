"""Demo data into running services, over their admin APIs; what is there already stays as it is."""

import asyncio
import json
import time
from collections.abc import Collection, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
from pydantic import BaseModel
from shop_chassis.signing import Signer
from shop_contracts.catalog.api import (
    BATCH_MAX,
    Image,
    Media,
    NewProduct,
    Product,
    ProductBatch,
    ProductBatchRequest,
    ProductChanges,
    Relations,
)
from shop_contracts.user.api import Login, Registration
from shop_contracts.warehouse.api import InitialStock, StockPage

from shop import demo

PATIENCE = 30.0
"""Seconds for a service that is just starting, or whose pods are being replaced."""


class SeedFailed(Exception):  # noqa: N818 - the message says what is wrong
    """A service did not take the data; says what it answered."""


@dataclass
class Outcome:
    """How many were made, and how many were there."""

    made: int = 0
    kept: int = 0

    def count(self, made: bool) -> None:
        """One more."""
        if made:
            self.made += 1
        else:
            self.kept += 1

    def __str__(self) -> str:
        return f"{self.made} made, {self.kept} were there"


@dataclass
class Seeded:
    """What was done."""

    told: list[str] = field(default_factory=list)
    """In words."""
    shopper: tuple[str, str] | None = None
    """E-mail and password of somebody with an account."""


async def seed(urls: Mapping[str, str], signer: Signer, first: int | None = None) -> Seeded:
    """Fills those services that are there, with all products or the `first`.

    The shopper needs the console's mails. Raises SeedFailed.
    """
    seeded, works = Seeded(), []
    for name, what, work in (
        ("catalog", "products", seed_catalog),
        ("warehouse", "stock", seed_warehouse),
    ):
        if name in urls:
            works.append((what, work(urls[name], signer.token("seed", f"{name}:admin"), first)))
    if "user" in urls and "console" in urls:
        await seed_shopper(urls["user"], urls["console"])
        seeded.shopper = demo.SHOPPER
    outcomes = await asyncio.gather(*(work for _, work in works))
    seeded.told = [f"{what}: {outcome}" for (what, _), outcome in zip(works, outcomes, strict=True)]
    if "catalog" in urls:  # last: they name products
        offers = await seed_offers(urls["catalog"], signer.token("seed", "catalog:admin"))
        seeded.told.append(f"promotions and coupons: {offers}")
    return seeded


async def seed_drawn(urls: Mapping[str, str], signer: Signer, first: int | None = None) -> list[str]:
    """As `seed`, and pictures where catalog is there; what was done, in words. Raises SeedFailed."""
    told = (await seed(urls, signer, first)).told
    if "catalog" in urls:
        drawn = await seed_pictures(urls["catalog"], signer.token("seed", "catalog:admin"))
        told.append(f"pictures: {drawn}")
    return told


async def seed_catalog(
    url: str, token: str, first: int | None = None, *, patience: float = PATIENCE
) -> Outcome:
    """Creates the categories and products that are missing. Raises SeedFailed."""
    outcome = Outcome()
    async with Admin(url, token, patience=patience) as admin:
        there = (await admin.send("GET", "/categories")).json()
        slugs = {category["slug"] for category in there["items"]}
        for category in demo.categories():
            if category.slug not in slugs:
                await admin.send("PUT", f"/admin/categories/{category.slug}", category.model_dump_json())
        for slug, family in demo.families().items():
            await admin.put_new(f"/admin/families/{slug}", family)
        known = await _known(admin)

        async def make(product: NewProduct) -> None:
            if product.id in known:
                outcome.count(False)
                return
            # 409: it was changed since, or somebody else has its name; either way it is not ours to touch.
            answer = await admin.send("POST", "/admin/products", product.model_dump_json(), allowed={409})
            outcome.count(answer.status_code == 201)

        async def relate(product_id: UUID, relations: Relations) -> None:
            known = await admin.send("GET", f"/products/{product_id}/relations", allowed={404})
            if known.is_success and not known.json()["items"]:
                path, body = f"/admin/products/{product_id}/relations", relations.model_dump_json()
                # 409: a product that it names is not there, because something else has its name.
                await admin.send("PUT", path, body, allowed={404, 409}, if_match="*")

        await side_by_side(make(product) for product in demo.products(first))
        if first is None:
            await side_by_side(relate(*each) for each in demo.relations().items())
    return outcome


async def seed_pictures(url: str, token: str, *, patience: float = PATIENCE) -> Outcome:
    """Draws the demo products that have no picture; some 20 s of work where none has. Raises SeedFailed."""
    outcome = Outcome()
    async with Admin(url, token, patience=patience) as admin:
        known = await _known(admin)
        looks: dict[demo.Look, list[Product]] = {}
        for each in demo.all_made():
            product = known.get(each.product.id)
            if product is not None and not product.images:
                looks.setdefault(each.look, []).append(product)
            else:
                outcome.count(False)

        async def draw(look: demo.Look, products: list[Product]) -> None:
            content = await asyncio.to_thread(demo.picture, look)
            answer = await admin.send("POST", "/admin/media", content, media_type="image/png")
            media = Media.model_validate_json(answer.content)
            image = Image(url=media.url, sizes=media.sizes, alt=f"A drawing: {look.title}")
            body = ProductChanges(images=[image]).model_dump_json(exclude_unset=True)
            for product in products:
                outcome.count(await _give(admin, product, body))

        await side_by_side(draw(*each) for each in looks.items())
    return outcome


async def _give(admin: "Admin", product: Product, changes: str) -> bool:
    """Whether the picture was given: not to a product that has got another one meanwhile, or is gone."""
    while not product.images:
        path, tag = f"/admin/products/{product.id}", f'"{product.version}"'
        answer = await admin.send("PATCH", path, changes, allowed={404, 412}, if_match=tag)
        if answer.status_code != 412:
            return answer.is_success
        # Somebody changes it just now.
        product = Product.model_validate_json((await admin.send("GET", f"/products/{product.id}")).content)
    return False


async def _known(admin: "Admin") -> dict[UUID | None, Product]:
    """The demo products that catalog has, by id."""
    ids = [product.id for product in demo.products() if product.id]
    known: dict[UUID | None, Product] = {}
    for first in range(0, len(ids), BATCH_MAX):
        asked = ProductBatchRequest(ids=ids[first : first + BATCH_MAX])
        answer = await admin.send("POST", "/products:batch", asked.model_dump_json())
        known |= {product.id: product for product in ProductBatch.model_validate_json(answer.content).items}
    return known


async def seed_offers(url: str, token: str, *, patience: float = PATIENCE) -> Outcome:
    """Creates the promotions and coupons that are missing; products come first. Raises SeedFailed."""
    outcome = Outcome()
    async with Admin(url, token, patience=patience) as admin:
        for id, promotion in demo.promotions().items():
            outcome.count(await admin.put_new(f"/admin/promotions/{id}", promotion))
        for code, coupon in demo.coupons().items():
            outcome.count(await admin.put_new(f"/admin/coupons/{code}", coupon))
    return outcome


async def seed_warehouse(
    url: str, token: str, first: int | None = None, *, patience: float = PATIENCE
) -> Outcome:
    """Creates the warehouses that are missing, and stock where there never was any. Raises SeedFailed."""
    outcome = Outcome()
    async with Admin(url, token, patience=patience) as admin:
        for code, warehouse in demo.warehouses().items():
            await admin.put_new(f"/admin/warehouses/{code}", warehouse)
        stocked = await _stocked(admin)

        async def put(code: str, product: UUID, stock: InitialStock) -> None:
            known = (code, product) in stocked
            outcome.count(not known and await admin.put_new(f"/admin/stock/{code}/{product}", stock))

        await side_by_side(put(*each) for each in demo.stock(first))
    return outcome


async def _stocked(admin: "Admin") -> set[tuple[str, UUID]]:
    """Warehouse and product of all stock that is known."""
    known: set[tuple[str, UUID]] = set()
    after = ""
    while True:
        answer = await admin.send("GET", f"/admin/stock?limit=100{after}")
        page = StockPage.model_validate_json(answer.content)
        known |= {(stock.warehouse, stock.product_id) for stock in page.items}
        if page.next is None:
            return known
        after = f"&after={quote(page.next)}"


async def side_by_side(works: Iterable[Coroutine[Any, Any, None]], at_once: int = 2) -> None:
    """Does them all, some at the same time. Raises the first SeedFailed."""
    rest, failed = iter(works), None

    async def worker() -> None:
        for work in rest:
            await work

    try:
        async with asyncio.TaskGroup() as workers:
            for _ in range(at_once):
                workers.create_task(worker())
    except* SeedFailed as group:
        failed = group.exceptions[0]  # raised in here it would be one of a group, to some versions of Python
    if failed is not None:
        raise failed


async def seed_shopper(url: str, console: str, *, patience: float = PATIENCE) -> None:
    """Registers the demo shopper, unless they can sign in. Raises SeedFailed."""
    email, password = demo.SHOPPER
    registration = Registration(email=email, password=password, name="Ann Example")
    login = Login(email=email, password=password)
    async with Admin(url, patience=patience) as user, Admin(console, patience=patience) as mails:
        known = await user.send("POST", "/login", login.model_dump_json(), allowed={401})
        if known.is_success:
            return
        await user.send("POST", "/register", registration.model_dump_json())
        token = await _mailed_token(mails, email, patience)
        await user.send("POST", "/verify", json.dumps({"token": token}))


async def _mailed_token(mails: "Admin", email: str, patience: float) -> str:
    deadline = time.monotonic() + patience
    while True:
        found = (await mails.send("GET", f"/mails?to={quote(email)}")).json()["items"]
        for mail in found:
            if mail["template"] == "verify-email":
                return str(mail["data"]["token"])
        if time.monotonic() > deadline:
            raise SeedFailed(f"no mail for {email} has come in {patience:.0f} s")
        await asyncio.sleep(0.05)


class Admin:
    """A service's admin API, for requests that may all be repeated: whatever may pass is waited out."""

    def __init__(self, url: str, token: str | None = None, *, patience: float = PATIENCE) -> None:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._http = httpx.AsyncClient(base_url=url, headers=headers, timeout=10, trust_env=False)
        self._patience = patience

    async def __aenter__(self) -> "Admin":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def put_new(self, path: str, content: BaseModel) -> bool:
        """Whether it was made; one that is there is not touched. Raises SeedFailed."""
        # 428: it is there, and only who has read it may change it.
        answer = await self.send("PUT", path, content.model_dump_json(), allowed={428})
        return answer.status_code == 201

    async def send(
        self,
        method: str,
        path: str,
        body: str | bytes | None = None,
        *,
        media_type: str = "application/json",
        allowed: Collection[int] = (),
        if_match: str | None = None,
    ) -> httpx.Response:
        """The answer, if it is a success or one of the statuses `allowed`. Raises SeedFailed."""
        headers = {"Content-Type": media_type} | ({"If-Match": if_match} if if_match else {})
        deadline = time.monotonic() + self._patience
        while True:
            try:
                answer = await self._http.request(method, path, content=body, headers=headers)
                problem = f"{answer.status_code} {answer.text[:300]}"
                passing = answer.status_code in (502, 503, 504)
            except httpx.TransportError as error:
                answer, problem, passing = None, str(error) or type(error).__name__, True
            if answer is not None and (answer.is_success or answer.status_code in allowed):
                return answer
            problem = f"{method} {self._http.base_url}{path.lstrip('/')}: expected success, found {problem}"
            if not passing:
                raise SeedFailed(problem)
            if time.monotonic() > deadline:
                raise SeedFailed(problem)
            await asyncio.sleep(0.5)
