"""Coupons: what they take off, who may use them, and how uses are counted."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

from shop_contracts.catalog.promotions import CouponUse

from .conftest import on_sqlite
from .test_promotions import TEN, line
from .test_promotions import put as put_promotion


async def put(shop: Any, code: str = "WELCOME10", tag: str | None = None, **content: Any) -> Any:
    headers = {"If-Match": tag} if tag else {}
    return await shop.admin.put(f"/admin/coupons/{code}", json=TEN | content, headers=headers)


async def check(
    shop: Any, *lines: dict[str, Any], code: str = "WELCOME10", subject: str | None = None
) -> Any:
    return await shop.http.post("/coupons:check", json={"code": code, "subject": subject, "lines": lines})


def refusal(answer: Any) -> tuple[int, str, str | None]:
    body = answer.json()
    return answer.status_code, body["type"], body.get("reason")


def refused(reason: str) -> tuple[int, str, str]:
    return 422, "coupon-refused", reason


async def use(
    shop: Any, order: str, *, final: bool = False, code: str = "WELCOME10", subject: str = "ben"
) -> Any:
    body = {"code": code, "subject": subject, "final": final}
    return await shop.orders.put(f"/internal/coupon-uses/{order}", json=body)


async def release(shop: Any, order: str) -> Any:
    return await shop.orders.delete(f"/internal/coupon-uses/{order}")


async def state(answer: Any) -> str:
    assert answer.status_code == 200, answer.text
    return CouponUse.model_validate_json(answer.content).state


def order() -> str:
    return str(uuid.uuid4())


async def uses(shop: Any) -> int:
    return int((await shop.admin.get("/admin/coupons/WELCOME10")).json()["uses"])


@on_sqlite
async def test_a_coupon_is_made_and_changed_by_who_knows_it(shop: Any) -> None:
    made = await put(shop, limit=3)
    assert (made.status_code, made.headers["etag"], made.json()["uses"]) == (201, '"1"', 0)
    assert (await put(shop, limit=3)).status_code == 200
    assert (await put(shop, limit=4)).status_code == 428
    assert (await put(shop, limit=4, tag='"1"')).headers["etag"] == '"2"'
    read = await shop.admin.get("/admin/coupons/WELCOME10")
    assert (read.json()["limit"], read.headers["etag"]) == (4, '"2"')
    assert (await put(shop, "welcome")).status_code == 422
    assert (await shop.admin.get("/admin/coupons/NONE")).status_code == 404
    await put(shop, "ALPHA")
    first = (await shop.admin.get("/admin/coupons", params={"limit": 1})).json()
    second = (await shop.admin.get("/admin/coupons", params={"limit": 1, "after": first["next"]})).json()
    assert [each["code"] for each in first["items"] + second["items"]] == ["ALPHA", "WELCOME10"]


@on_sqlite
async def test_a_code_may_be_typed_as_people_do(shop: Any) -> None:
    lamp = await shop.product()
    await put(shop)
    for typed in ("WELCOME10", " welcome 10", "Welcome10\t"):
        answer = await check(shop, line(lamp, 2), code=typed)
        assert answer.json() == {
            "code": "WELCOME10",
            "discounts": [{"product_id": lamp["id"], "discount": {"amount": 980, "currency": "EUR"}}],
            "total": {"amount": 980, "currency": "EUR"},
        }


@on_sqlite
async def test_a_coupon_takes_its_part_of_what_promotions_leave(shop: Any) -> None:
    lamp = await shop.product()
    await put_promotion(shop, TEN | {"rule": {"type": "percentage", "percent": 50}})
    await put(shop)
    assert (await check(shop, line(lamp, 1, 1000))).json()["total"]["amount"] == 50


@on_sqlite
async def test_why_a_coupon_is_refused(shop: Any, clock: Any) -> None:
    lamp = await shop.product()
    await shop.category("kitchen")
    assert refusal(await check(shop, line(lamp))) == refused("unknown")
    tomorrow, after = clock.now + timedelta(days=1), clock.now + timedelta(days=2)
    await put(
        shop,
        valid_from=tomorrow.isoformat(),
        valid_until=after.isoformat(),
        minimum={"amount": 5000, "currency": "EUR"},
        limit=2,
        limit_per_subject=1,
    )
    assert refusal(await check(shop, line(lamp, 2))) == refused("not-valid-now")
    clock.now += timedelta(days=1)
    assert refusal(await check(shop, line(lamp))) == refused("below-minimum")
    dollars = line(lamp, 2) | {"unit_price": {"amount": 9000, "currency": "USD"}}
    assert refusal(await check(shop, dollars)) == refused("below-minimum")
    assert (await check(shop, line(lamp, 2), subject="ben")).status_code == 200
    assert await state(await use(shop, order(), final=True)) == "final"
    assert refusal(await check(shop, line(lamp, 2), subject="ben")) == refused("used-by-subject")
    assert (await check(shop, line(lamp, 2), subject="eva")).status_code == 200
    assert (await check(shop, line(lamp, 2))).status_code == 200, "without a subject the limit of all counts"
    assert await state(await use(shop, order(), final=True, subject="eva")) == "final"
    assert refusal(await check(shop, line(lamp, 2), subject="zoe")) == refused("used-up")
    clock.now += timedelta(days=1)
    assert refusal(await check(shop, line(lamp, 2))) == refused("not-valid-now")
    await put(shop, "OTHER", categories=["kitchen"])
    assert refusal(await check(shop, line(lamp), code="other")) == refused("nothing-to-discount")
    await put(shop, "OTHER", tag='"1"', active=False)
    assert refusal(await check(shop, line(lamp), code="other")) == refused("not-valid-now")
    await put(shop, "USD", rule={"type": "amount", "amount": {"amount": 1, "currency": "USD"}})
    assert refusal(await check(shop, line(lamp), code="usd")) == refused("nothing-to-discount")


async def test_a_use_is_held_then_final_and_each_step_may_be_repeated(shop: Any) -> None:
    await put(shop, limit=1)
    id = order()
    first = await use(shop, id)
    assert (await state(first), await uses(shop)) == ("held", 1)
    assert (await use(shop, id)).json() == first.json()
    assert refusal(await use(shop, order(), subject="eva")) == refused("used-up")
    assert [await state(await use(shop, id, final=True)) for _ in range(2)] == ["final", "final"]
    assert await state(await use(shop, id)) == "final", "a hold that comes late takes nothing back"
    assert await uses(shop) == 1
    for other in ({"code": "OTHER"}, {"subject": "eva"}):
        assert refusal(await use(shop, id, **other))[:2] == (409, "different-request")
        assert refusal(await use(shop, id, final=True, **other))[:2] == (409, "different-request")


async def test_a_hold_lapses_after_an_hour_and_can_be_taken_again(shop: Any, clock: Any) -> None:
    await put(shop, limit=1)
    mine, hers = order(), order()
    await use(shop, mine)
    clock.now += timedelta(minutes=59)
    assert refusal(await use(shop, hers, subject="eva")) == refused("used-up")
    clock.now += timedelta(minutes=1)
    assert await uses(shop) == 0
    listed = (await shop.admin.get("/admin/coupons/WELCOME10/uses")).json()["items"]
    assert [(each["order_id"], each["state"]) for each in listed] == [(mine, "lapsed")]
    assert await state(await use(shop, hers, subject="eva")) == "held"
    assert refusal(await use(shop, mine)) == refused("used-up")
    assert await state(await release(shop, hers)) == "released"
    assert await state(await use(shop, mine)) == "held"


async def test_a_final_use_is_never_refused(shop: Any, clock: Any) -> None:
    await put(shop, limit=1, valid_until=(clock.now + timedelta(hours=1)).isoformat())
    mine = order()
    await use(shop, mine)
    clock.now += timedelta(hours=2)  # lapsed, and the coupon over
    assert await state(await use(shop, mine, final=True)) == "final"
    assert await state(await use(shop, order(), final=True, subject="eva")) == "final"
    assert await uses(shop) == 2
    assert await state(await use(shop, order(), final=True, code="NEVER-HEARD-OF")) == "final"


async def test_an_order_that_was_given_up_uses_nothing_whatever_comes_late(shop: Any) -> None:
    await put(shop, limit=1)
    unknown, known = order(), order()
    await use(shop, known)
    for id in (unknown, known):
        assert [await state(await release(shop, id)) for _ in range(2)] == ["released", "released"]
        assert refusal(await use(shop, id))[:2] == (409, "released")
        assert await state(await use(shop, id, final=True)) == "released"
    assert await uses(shop) == 0
    assert await state(await use(shop, order())) == "held"


@on_sqlite
async def test_what_an_order_holds_does_not_count_against_it(shop: Any) -> None:
    lamp, id = await shop.product(), order()
    await put(shop, limit=1, limit_per_subject=1)
    await use(shop, id)
    body = {"code": "WELCOME10", "subject": "ben", "lines": [line(lamp)]}
    assert refusal(await shop.http.post("/coupons:check", json=body)) == refused("used-up")
    assert (await shop.http.post("/coupons:check", json=body | {"order_id": id})).status_code == 200
    another = body | {"order_id": order()}
    assert refusal(await shop.http.post("/coupons:check", json=another)) == refused("used-up")


async def test_the_limit_holds_however_many_come_at_once(shop: Any) -> None:
    await put(shop, limit=7)
    orders = [order() for _ in range(30)]
    answers = await asyncio.gather(*(use(shop, id, subject=f"s{n}") for n, id in enumerate(orders)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [422] * 23
    assert await uses(shop) == 7
    kept = [id for id, answer in zip(orders, answers, strict=True) if answer.status_code == 200]
    page = (await shop.admin.get("/admin/coupons/WELCOME10/uses", params={"limit": 5})).json()
    rest = (
        await shop.admin.get("/admin/coupons/WELCOME10/uses", params={"limit": 5, "after": page["next"]})
    ).json()
    assert [each["order_id"] for each in page["items"] + rest["items"]] == sorted(kept, reverse=True)


async def test_the_limit_of_a_shopper_holds_however_many_come_at_once(shop: Any) -> None:
    await put(shop, limit_per_subject=1)
    answers = await asyncio.gather(*(use(shop, order()) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [422] * 9


async def test_one_order_asked_for_many_times_at_once_is_one_use(shop: Any) -> None:
    await put(shop, limit=1)
    id = order()
    answers = await asyncio.gather(*(use(shop, id, final=bool(n % 2)) for n in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert await uses(shop) == 1
    assert await state(await use(shop, id)) == "final"


@on_sqlite
async def test_uses_are_for_the_services_that_take_and_process_orders(
    shop: Any, service_accounts: Any
) -> None:
    await put(shop)
    path, body = f"/internal/coupon-uses/{order()}", {"code": "WELCOME10", "subject": "ben", "final": True}
    assert (await shop.http.put(path, json=body)).status_code == 401
    assert (await shop.admin.put(path, json=body)).status_code == 401
    other = service_accounts.headers("cart", "catalog")
    assert (await shop.http.put(path, json=body, headers=other)).status_code == 403
    assert (await shop.http.delete(path, headers=other)).status_code == 403
    taking = service_accounts.headers("order-taking", "catalog")
    assert (await shop.http.put(path, json=body, headers=taking)).status_code == 200


async def test_a_person_who_goes_is_forgotten_and_their_uses_still_count(
    shop: Any, service_accounts: Any
) -> None:
    await put(shop, limit=1)
    id = order()
    await use(shop, id, final=True)
    path, user = "/internal/personal-data/ben", service_accounts.headers("user", "catalog")
    held = (await shop.http.get(path, headers=user)).json()
    assert [each["order_id"] for each in held["coupon_uses"]] == [id]
    await shop.tell("user", "erased", "ben", 1, {"subject": "ben"})
    assert (await shop.http.get(path, headers=user)).json() == {}
    assert await uses(shop) == 1
    assert await state(await use(shop, id, final=True)) == "final", "a late repetition is no other request"
