"""Products: finding, making and changing them; their prices."""

from asyncio import gather
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Response
from pydantic import AwareDatetime
from shop_chassis.client import CallError, CallRefused
from shop_chassis.tables import new_id
from shop_contracts.catalog.api import (
    FamilyWithVariants,
    NewProduct,
    PlannedPrice,
    PlannedPrices,
    PriceHistory,
    PricePlan,
    Product,
    ProductBatch,
    ProductBatchRequest,
    ProductChanges,
    ProductPage,
)
from shop_contracts.notification.api import Message, MessagePage

from shop_storefront import i18n
from shop_storefront.forms import Form
from shop_storefront.near.admin import Desk
from shop_storefront.near.search import Wanted
from shop_storefront.pages import pages
from shop_storefront.parts import Part
from shop_storefront.routes.admin import fields
from shop_storefront.routes.admin.desk import PAGE, desk, desk_of, done, may, saved
from shop_storefront.visit import Visit, VisitDep

router = pages()
Catalog = Annotated[Desk, desk("catalog")]

WATCHED = timedelta(minutes=3)
"""After a change of a price its page looks so long for who is told of it."""
_CLOCKS = timedelta(seconds=2)
"""By which those of two services may differ."""
_STOP_POLLING = 286
"""A status of htmx: shows what came, and asks no more."""


@dataclass(frozen=True)
class Found:
    """A part of a list."""

    items: Sequence[Product]
    next: str | None = None
    away: bool = False
    """Search does not answer: only an exact name finds something."""


@router.get("/admin/products")
async def list_products(visit: VisitDep, catalog: Catalog) -> Response:
    """What is sold, newest first; or what a query finds: by its name also what is not sold any more."""
    query = visit.request.query_params
    q, category, after = query.get("q", "").strip()[:200], query.get("category", ""), query.get("after")
    if q:
        found = await _found(visit, catalog, q, after)
    else:
        params = {"sort": "newest", "category": category, "after": after, "limit": PAGE}
        given = {name: value for name, value in params.items() if value}
        page = await catalog.call("GET", "/products", params=given, into=ProductPage)
        found = Found(page.items, page.next)
    return await visit.page(
        "pages/admin/products/list.html", found=found, q=q, category=category, after=after
    )


@router.get("/admin/products/new")
async def new_product(visit: VisitDep, catalog: Catalog) -> Response:
    """A form for a product; with `family` for a variant of it."""
    slug = visit.request.query_params.get("family", "")
    family = await _family(catalog, slug) if slug else None
    form = Form().fill(id=new_id(), currency=fields.CURRENCY, weight_grams=500, active="on", family=slug)
    if family and family.variants:  # what variants have in common
        like = family.variants[0]
        form.fill(category=like.category, weight_grams=like.weight_grams, description=like.description)
        form.fill(attributes=fields.as_lines(like.attributes), price=_amount(visit, like))
    return await visit.page("pages/admin/products/new.html", form=form, family=family)


@router.post("/admin/products")
async def create_product(visit: VisitDep, catalog: Catalog) -> Response:
    """Makes it. The form's id is the product's, so sent twice it makes one."""
    _, form = visit.say, visit.form
    new = form.into(
        NewProduct,
        attributes=fields.attributes(form, "attributes"),
        active=form.get("active") == "on",
        **fields.given(price=fields.money(visit, "price", form.get("currency") or fields.CURRENCY)),
    )
    if new is not None:
        work = catalog.call("POST", "/admin/products", body=new, into=Product, idempotent=True)
        if product := await saved(visit, work, otherwise=_("This product cannot be made.")):
            await visit.notice(_("%(title)s is in the catalogue.") % {"title": product.title})
            return visit.to(f"/admin/products/{product.id}")
    slug = form.get("family")
    family = await _family(catalog, slug) if slug else None
    return await visit.page("pages/admin/products/new.html", status=422, form=form, family=family)


@router.get("/admin/products/{id}")
async def read_product(
    visit: VisitDep, catalog: Catalog, id: UUID, since: AwareDatetime | None = None
) -> Response:
    """All of a product. `since`: its price was changed then, and somebody waits for who is told."""
    return await shown(visit, catalog, await product_of(catalog, id), since=since)


@router.post("/admin/products/{id}")
async def change_product(visit: VisitDep, catalog: Catalog, id: UUID) -> Response:
    """Changes what it is, if it is still as the form showed it."""
    _, form = visit.say, visit.form
    changes = form.into(
        ProductChanges,
        description=form.get("description"),
        attributes=fields.attributes(form, "attributes"),
        active=form.get("active") == "on",
    )
    if changes is not None:
        work = catalog.call(
            "PATCH",
            "/admin/products/{id}",
            path={"id": id},
            body=changes,
            version=fields.version(form),
            into=Product,
        )
        if product := await saved(visit, work, otherwise=_("This cannot be saved.")):
            _forget(visit, product)
            await visit.notice(_("Saved."))
            return visit.to(f"/admin/products/{id}")
    return await shown(visit, catalog, await product_of(catalog, id), form=form, status=422)


@router.post("/admin/products/{id}/price")
async def set_price(visit: VisitDep, catalog: Catalog, id: UUID) -> Response:
    """From now on. The page that follows shows who is told."""
    _, form = visit.say, visit.form
    product = await product_of(catalog, id)
    price = fields.money(visit, "price", product.price.currency)
    if price is None:
        form.wrong("price", _("Please fill this in."))
        return await shown(visit, catalog, product, prices=form, status=422)
    since = datetime.now(UTC)
    work = catalog.call("PUT", "/admin/products/{id}/price", path={"id": id}, body=price, into=Product)
    if changed := await saved(visit, work, at="price", otherwise=_("This price cannot be set.")):
        _forget(visit, changed)
        await visit.notice(_("The price is changed. Pages show it within seconds."))
        return visit.to(f"/admin/products/{id}", since=since.isoformat())
    return await shown(visit, catalog, product, prices=form, status=422)


@router.get("/admin/products/{id}/told")
async def read_told(visit: VisitDep, catalog: Catalog, id: UUID, since: AwareDatetime) -> Response:
    """Who was told of a lower price since then: a part of the product's page, which asks for it again."""
    if not visit.partial:
        return visit.to(f"/admin/products/{id}", since=since.isoformat())
    over = datetime.now(UTC) - since > WATCHED
    told = await _told(visit, since)
    return await visit.page(
        "pages/admin/products/_told.html", status=_STOP_POLLING if over else 200, told=told, over=over
    )


@router.post("/admin/products/{id}/plans")
async def plan_price(visit: VisitDep, catalog: Catalog, id: UUID) -> Response:
    """Another price from a time on."""
    _, form = visit.say, visit.form
    product = await product_of(catalog, id)
    plan = form.into(
        PricePlan,
        prefix="plan.",
        **fields.given(
            price=fields.money(visit, "plan.price", product.price.currency),
            valid_from=fields.moment(form, "plan.valid_from"),
        ),
    )
    if plan is not None:
        work = catalog.call(
            "PUT",
            "/admin/products/{id}/planned-prices/{plan}",
            path={"id": id, "plan": form.get("plan_id")},
            body=plan,
            into=PlannedPrice,
        )
        if await saved(visit, work, at="plan.valid_from", otherwise=_("This price cannot be planned.")):
            await visit.notice(_("The price is planned."))
            return visit.to(f"/admin/products/{id}")
    return await shown(visit, catalog, product, prices=form, status=422)


@router.post("/admin/products/{id}/plans/{plan}/remove")
async def remove_plan(visit: VisitDep, catalog: Catalog, id: UUID, plan: UUID) -> Response:
    """Before its time has come."""
    path = {"id": id, "plan": plan}
    work = catalog.send("DELETE", "/admin/products/{id}/planned-prices/{plan}", path=path)
    return await done(visit, work, visit.say("The planned price is removed."), f"/admin/products/{id}")


async def product_of(catalog: Desk, id: UUID) -> Product:
    """As catalog has it now, also one that is not sold any more. Raises CallError."""
    return await catalog.call("GET", "/products/{id}", path={"id": id}, into=Product)


async def shown(
    visit: Visit,
    catalog: Desk,
    product: Product,
    *,
    form: Form | None = None,
    prices: Form | None = None,
    pictures: Form | None = None,
    since: datetime | None = None,
    status: int = 200,
) -> Response:
    """The product's page; of its forms those that came back with what is wrong."""
    ask, path = visit.site.parts.ask, {"id": product.id}
    history, plans, family, told = await gather(
        ask("prices", catalog.call("GET", "/products/{id}/prices", path=path, into=PriceHistory)),
        ask(
            "plans", catalog.call("GET", "/admin/products/{id}/planned-prices", path=path, into=PlannedPrices)
        ),
        _variants(visit, catalog, product.family),
        _told(visit, since) if since else _nobody(),
    )
    entered = form or Form()
    entered.values["version"] = str(product.version)
    if form is None:
        entered.fill(
            slug=product.slug,
            title=product.title,
            description=product.description,
            category=product.category,
            weight_grams=product.weight_grams,
            attributes=fields.as_lines(product.attributes),
            active="on" if product.active else "",
            **{f"options__{name}": value for name, value in product.options.items()},
        )
    return await visit.page(
        "pages/admin/products/product.html",
        status=status,
        product=product,
        form=entered,
        prices=(prices or Form()).fill(price=_amount(visit, product), plan_id=new_id()),
        pictures=pictures or Form(),
        history=history.value,
        plans=plans.value,
        family=family.value,
        since=since,
        told=told,
        over=since is not None and datetime.now(UTC) - since > WATCHED,
    )


async def _found(visit: Visit, catalog: Desk, q: str, after: str | None) -> Found:
    exact, hits = await gather(
        _exact(catalog, q) if after is None else _nothing(),
        visit.site.parts.ask(
            "search", visit.site.search.find(Wanted.of({"q": q, "after": after}, [])), within=1.0
        ),
    )
    ids = [hit.product_id for hit in hits.value.items] if hits.value else []
    items: list[Product] = [exact] if exact else []
    if ids:
        wanted = ProductBatchRequest(ids=ids)
        batch = await catalog.call("POST", "/products:batch", body=wanted, into=ProductBatch, idempotent=True)
        items += [each for each in batch.items if exact is None or each.id != exact.id]
    return Found(items, hits.value.next if hits.value else None, away=hits.missing)


async def _exact(catalog: Desk, q: str) -> Product | None:
    """The product whose id or slug this is."""
    try:
        return await catalog.call("GET", "/products/{which}", path={"which": q.lower()}, into=Product)
    except CallRefused:
        return None


async def _nothing() -> None:
    return None


async def _variants(visit: Visit, catalog: Desk, slug: str | None) -> Part[FamilyWithVariants]:
    return await visit.site.parts.ask("variants", _family(catalog, slug)) if slug else Part()


async def _family(catalog: Desk, slug: str) -> FamilyWithVariants:
    return await catalog.call("GET", "/families/{slug}", path={"slug": slug}, into=FamilyWithVariants)


async def _told(visit: Visit, since: datetime) -> list[Message] | None:
    """Messages about lower prices since then, newest first; None where that cannot be seen."""
    if not may(visit.session, "notification"):
        return None
    notification = await desk_of(visit, "notification")
    params = {"kind": "price_drop", "limit": PAGE}
    try:
        page = await notification.call("GET", "/admin/messages", params=params, into=MessagePage)
    except CallError:
        return None
    return [each for each in page.items if each.created_at >= since - _CLOCKS]


async def _nobody() -> list[Message] | None:
    return None


def _amount(visit: Visit, product: Product) -> str:
    return i18n.amount(product.price, visit.locale)


def _forget(visit: Visit, product: Product) -> None:
    """So that the shop's own page shows the change at once, at least from here."""
    for name in (product.slug, str(product.id)):
        visit.site.catalog.product.forget(name)
    visit.site.catalog.prices.forget(product.id)
