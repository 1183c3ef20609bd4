"""Promotions, which everybody gets, and coupons, for whoever has the code."""

from asyncio import gather
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Response
from pydantic import BaseModel, Field
from shop_chassis.client import CallRefused, NotFound
from shop_chassis.tables import new_id
from shop_contracts.catalog.api import BATCH_MAX, Product, ProductBatch, ProductBatchRequest
from shop_contracts.catalog.promotions import (
    CODE,
    Coupon,
    CouponContent,
    CouponPage,
    CouponUsePage,
    Promotion,
    PromotionContent,
    PromotionPage,
    Terms,
    normalised,
)

from shop_storefront import i18n
from shop_storefront.forms import Form
from shop_storefront.near.admin import Desk
from shop_storefront.pages import pages
from shop_storefront.routes.admin import fields
from shop_storefront.routes.admin.desk import PAGE, desk, saved
from shop_storefront.visit import Visit, VisitDep

router = pages()
Catalog = Annotated[Desk, desk("catalog")]
Code = Annotated[str, Path(max_length=40, pattern=CODE)]

_AT_ONCE = 16
"""Products that are looked up side by side."""


class NewCode(BaseModel):
    """What the form of a new coupon has besides its content."""

    code: Annotated[str, Field(pattern=CODE, max_length=40)]


@router.get("/admin/offers")
async def list_offers(visit: VisitDep, catalog: Catalog) -> Response:
    """Both, a page of each."""
    query = visit.request.query_params
    promotions, coupons = await gather(
        catalog.call("GET", "/admin/promotions", params=_page(query.get("after")), into=PromotionPage),
        catalog.call("GET", "/admin/coupons", params=_page(query.get("after_coupon")), into=CouponPage),
    )
    return await visit.page("pages/admin/offers/list.html", promotions=promotions, coupons=coupons)


@router.get("/admin/promotions/new")
async def new_promotion(visit: VisitDep, catalog: Catalog) -> Response:
    """An empty form; its id is the promotion's, so sent twice it makes one."""
    return await _promotion(visit, new_id(), Form().fill(kind="percentage", active="on"))


@router.get("/admin/promotions/{id}")
async def read_promotion(visit: VisitDep, catalog: Catalog, id: UUID) -> Response:
    """One, to be changed."""
    promotion = await catalog.call("GET", "/admin/promotions/{id}", path={"id": id}, into=Promotion)
    return await _promotion(visit, id, await _filled(visit, catalog, promotion), promotion.version)


@router.post("/admin/promotions/{id}")
async def put_promotion(visit: VisitDep, catalog: Catalog, id: UUID) -> Response:
    """Makes it, or changes it if it is still as the form showed it."""
    form = visit.form
    version = fields.version(form) or None
    content = form.into(PromotionContent, **await _terms(visit, catalog))
    if content is not None and not form.errors:
        work = catalog.call(
            "PUT", "/admin/promotions/{id}", path={"id": id}, body=content, version=version, into=Promotion
        )
        if await saved(visit, work, otherwise=visit.say("This cannot be saved.")):
            await visit.notice(visit.say("Saved."))
            return visit.to("/admin/offers")
        version = await _version(catalog, id)
    return await _promotion(visit, id, form, version)


@router.get("/admin/coupons/new")
async def new_coupon(visit: VisitDep, catalog: Catalog) -> Response:
    """An empty form."""
    return await _coupon(visit, Form().fill(kind="percentage", active="on"))


@router.post("/admin/coupons")
async def create_coupon(visit: VisitDep, catalog: Catalog) -> Response:
    """Makes one; the code is free, or the form says that it is not."""
    form = visit.form
    form.values["code"] = normalised(form.get("code"))
    new = form.into(NewCode)
    if new is None or not await _put_coupon(visit, catalog, new.code, None):
        return await _coupon(visit, form)
    return visit.to(f"/admin/coupons/{new.code}")


@router.get("/admin/coupons/{code}")
async def read_coupon(visit: VisitDep, catalog: Catalog, code: Code) -> Response:
    """One with the orders that used it."""
    coupon, uses = await _read_coupon(visit, catalog, code)
    form = await _filled(visit, catalog, coupon)
    form.fill(limit=coupon.limit, limit_per_subject=coupon.limit_per_subject)
    if coupon.minimum:
        form.fill(minimum=i18n.amount(coupon.minimum, visit.locale))
    return await _coupon(visit, form, coupon, uses)


@router.post("/admin/coupons/{code}")
async def change_coupon(visit: VisitDep, catalog: Catalog, code: Code) -> Response:
    """Changes it, if it is still as the form showed it. Uses stay."""
    if await _put_coupon(visit, catalog, code, fields.version(visit.form)):
        return visit.to(f"/admin/coupons/{code}")
    return await _coupon(visit, visit.form, *await _read_coupon(visit, catalog, code))


async def _put_coupon(visit: Visit, catalog: Desk, code: str, version: int | None) -> bool:
    """Whether it is done; else the form says why not."""
    _, form = visit.say, visit.form
    content = form.into(CouponContent, **await _terms(visit, catalog), minimum=fields.money(visit, "minimum"))
    if content is None or form.errors:
        return False
    work = catalog.call(
        "PUT", "/admin/coupons/{code}", path={"code": code}, body=content, version=version, into=Coupon
    )
    taken = ("code", _("There is one of that code already.")) if version is None else None
    if await saved(visit, work, otherwise=_("This cannot be saved."), overtaken=taken) is None:
        return False
    await visit.notice(_("Saved."))
    return True


async def _read_coupon(visit: Visit, catalog: Desk, code: str) -> tuple[Coupon, CouponUsePage | None]:
    path, params = {"code": code}, {"limit": PAGE}
    uses = catalog.call("GET", "/admin/coupons/{code}/uses", path=path, params=params, into=CouponUsePage)
    coupon, part = await gather(
        catalog.call("GET", "/admin/coupons/{code}", path=path, into=Coupon),
        visit.site.parts.ask("uses", uses),
    )
    return coupon, part.value


async def _terms(visit: Visit, catalog: Desk) -> dict[str, Any]:
    """What both have in common, as their forms have it."""
    form = visit.form
    return {
        "rule": rule_of(visit),
        "categories": form.all("categories"),
        "products": await _products(visit, catalog),
        "exclusive": form.get("exclusive") == "on",
        "valid_from": fields.moment(form, "valid_from"),
        "valid_until": fields.moment(form, "valid_until"),
        "active": form.get("active") == "on",
    }


def rule_of(visit: Visit) -> dict[str, Any]:
    """The rule that was chosen; its fields are called as the contract's errors name them."""
    form, kind = visit.form, visit.form.get("kind")
    match kind:
        case "amount":
            amount = fields.money(visit, "rule.amount.amount")
            given: dict[str, Any] = {"amount": amount, "per": form.get("rule.amount.per", "order")}
        case "n-for-m":
            given = {"take": form.get("rule.n-for-m.take"), "pay": form.get("rule.n-for-m.pay")}
        case _:
            kind, given = "percentage", {"percent": form.get("rule.percentage.percent")}
    return {"type": kind} | {name: value for name, value in given.items() if value not in (None, "")}


async def _products(visit: Visit, catalog: Desk) -> list[UUID]:
    """Those that the form names, by slug or id; what is not one of catalog's is said at the field."""
    wanted = fields.words(visit.form, "products")
    found: list[Product | None] = []
    for begin in range(0, len(wanted), _AT_ONCE):
        found += await gather(*(_named(catalog, each) for each in wanted[begin : begin + _AT_ONCE]))
    unknown = [name for name, product in zip(wanted, found, strict=True) if product is None]
    if unknown:
        said = visit.say("There is no product %(names)s.") % {"names": ", ".join(unknown)[:200]}
        visit.form.wrong("products", said)
    return [each.id for each in found if each is not None]


async def _named(catalog: Desk, which: str) -> Product | None:
    try:
        return await catalog.call("GET", "/products/{which}", path={"which": which}, into=Product)
    except CallRefused:
        return None


async def _filled(visit: Visit, catalog: Desk, terms: Terms) -> Form:
    """A form that shows what there is."""
    rule = terms.rule
    form = Form().fill(
        title=terms.title,
        kind=rule.type,
        exclusive="on" if terms.exclusive else "",
        active="on" if terms.active else "",
        valid_from=fields.shown(terms.valid_from),
        valid_until=fields.shown(terms.valid_until),
        products="\n".join(await _slugs(catalog, terms.products)),
    )
    for name, value in rule.model_dump(exclude={"type", "amount"}).items():
        form.fill(**{f"rule__{rule.type}__{name}": value})
    if rule.type == "amount":
        form.fill(rule__amount__amount=i18n.amount(rule.amount, visit.locale))
    return form.choose("categories", terms.categories)


async def _slugs(catalog: Desk, ids: list[UUID]) -> list[str]:
    slugs: dict[UUID, str] = {}
    for begin in range(0, len(ids), BATCH_MAX):
        wanted = ProductBatchRequest(ids=ids[begin : begin + BATCH_MAX])
        batch = await catalog.call("POST", "/products:batch", body=wanted, into=ProductBatch, idempotent=True)
        slugs |= {each.id: each.slug for each in batch.items}
    return [slugs.get(id, str(id)) for id in ids]


async def _version(catalog: Desk, id: UUID) -> int | None:
    """The promotion's now; None: there is none of that id."""
    try:
        there = await catalog.call("GET", "/admin/promotions/{id}", path={"id": id}, into=Promotion)
    except NotFound:
        return None
    return there.version


async def _promotion(visit: Visit, id: UUID, form: Form, version: int | None = None) -> Response:
    form.values["version"] = str(version or "")
    return await visit.page(
        "pages/admin/offers/promotion.html", status=422 if form.errors else 200, id=id, form=form,
        is_new=version is None,
    )  # fmt: skip


async def _coupon(
    visit: Visit, form: Form, coupon: Coupon | None = None, uses: CouponUsePage | None = None
) -> Response:
    form.values["version"] = str(coupon.version if coupon else "")
    status = 422 if form.errors else 200
    return await visit.page(
        "pages/admin/offers/coupon.html", status=status, form=form, coupon=coupon, uses=uses
    )


def _page(after: str | None) -> dict[str, Any]:
    return {"limit": PAGE} | ({"after": after} if after else {})
