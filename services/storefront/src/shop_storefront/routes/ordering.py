"""The last look and the order: it is placed once for each checkout, whatever is clicked how often."""

from fastapi import Response
from pydantic import ValidationError
from shop_chassis.client import CalleeUnavailable, CallRefused, NotAllowed
from shop_contracts.money import Money
from shop_contracts.order_taking.api import Figures, Shortage

from shop_storefront.drafts import Draft, keep, ordered
from shop_storefront.forms import sentence
from shop_storefront.near import orders
from shop_storefront.pages import pages
from shop_storefront.routes.orders import status_of
from shop_storefront.routes.quoting import PATHS, elsewhere, quoted
from shop_storefront.visit import Visit, VisitDep

router = pages()


@router.get("/checkout/review")
async def show_review(visit: VisitDep) -> Response:
    """Everything once more, at prices of now."""
    draft = Draft.of(visit.session)
    if not draft.reached("review"):
        return visit.to(PATHS[draft.step])
    return await _review_page(visit, draft)


@router.post("/checkout/order")
async def place_order(visit: VisitDep) -> Response:
    """Orders at the total that was shown, or shows the new one."""
    draft, form, _ = Draft.of(visit.session), visit.form, visit.say
    key = form.get("key")
    if draft.placed is not None and key == draft.placed.key:  # sent twice
        return visit.to("/checkout/thanks")
    if not draft.reached("review"):
        return visit.to(PATHS[draft.step])
    cart_id, shown = await visit.site.carts.id_of(visit), _shown(visit)
    if key != draft.key or shown is None or cart_id is None:
        return await _review_page(
            visit,
            draft,
            status=409,
            said=_("Something has changed in another window. Look once more, please."),
        )
    coupon = form.get("coupon")[:40]  # the one that was shown
    try:
        accepted = await orders.place(visit, cart_id, draft, coupon if coupon.isprintable() else None, shown)
    except NotAllowed:
        raise
    except CallRefused as error:
        return await _not_placed(visit, draft, error, shown)
    except CalleeUnavailable:
        # Nobody is asked for this page: the same again, with the same key, finds out what became of it.
        return await visit.page(
            "pages/checkout/unsure.html", status=503, step="review", draft=draft, total=shown, coupon=coupon
        )
    await ordered(visit, draft, accepted)
    await visit.site.parts.ask("cart", visit.site.carts.read(visit))  # so that its number is right
    return visit.to("/checkout/thanks")


def _shown(visit: Visit) -> Money | None:
    form = visit.form
    try:
        return Money.model_validate(
            {"amount": form.get("total.amount"), "currency": form.get("total.currency")}
        )
    except ValidationError:
        return None


async def _not_placed(visit: Visit, draft: Draft, error: CallRefused, shown: Money) -> Response:
    _, problem = visit.say, error.problem
    match problem.get("type"):
        case "total-changed":
            changed = Figures.model_validate(problem["figures"]).total
            return await _review_page(visit, draft, status=409, changed=(shown, changed))
        case "out-of-stock":
            short = [Shortage.model_validate(each) for each in problem.get("shortages", [])]
            return await _review_page(visit, draft, status=409, shortages=short)
        case "idempotency-key-reused":
            await keep(visit, Draft(email=draft.email, address=draft.address, billing=draft.billing))
            await visit.notice(
                _("An order was taken with what you entered before. Look at it before you order again."),
                "warning",
            )
            return visit.to("/orders")
    way = await elsewhere(visit, error)
    if way is not None:
        return way
    said = sentence(str(problem.get("detail") or _("The order was not taken.")))
    return await _review_page(visit, draft, status=422, said=said)


async def _review_page(
    visit: Visit,
    draft: Draft,
    *,
    status: int = 200,
    said: str = "",
    changed: tuple[Money, Money] | None = None,
    shortages: list[Shortage] | None = None,
) -> Response:
    quote = await quoted(visit, draft)
    if isinstance(quote, Response):
        return quote
    preview = quote.preview
    if quote.option_gone:
        draft = await keep(visit, draft, option=preview.shipping_option)
    option = next(each for each in preview.options if each.id == preview.shipping_option)
    titles = {each.product_id: each.title for each in preview.lines}
    missing = shortages if shortages is not None else preview.shortages
    return await visit.page(
        "pages/checkout/review.html",
        status=status,
        step="review",
        draft=draft,
        quote=quote,
        figures=preview,
        option=option,
        said=said,
        changed=changed,
        shortages=[(titles.get(each.product_id, ""), each) for each in missing],
    )


# -- afterwards


@router.get("/checkout/thanks")
async def show_thanks(visit: VisitDep) -> Response:
    """The order is taken; what becomes of it this page shows as it happens."""
    placed = Draft.of(visit.session).placed
    if placed is None:
        return visit.to("/orders")
    found = await visit.site.parts.ask("order", orders.order(visit, placed.order_id))
    status = await status_of(visit, placed.order_id, found.value)
    return await visit.page("pages/checkout/thanks.html", placed=placed, **status)


@router.get("/checkout/return")
async def come_back(visit: VisitDep) -> Response:
    """From the page of the bank: what came of it the order knows."""
    placed = Draft.of(visit.session).placed
    return visit.to(f"/orders/{placed.order_id}" if placed else "/orders")
