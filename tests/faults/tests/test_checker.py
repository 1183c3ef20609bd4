"""The checker on journals made by hand: nothing to say of one that is right, and every violation is found."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from shop_contracts.testgateway.api import Charge
from shop_faults.checker import Report, check
from shop_faults.journal import Journal, read
from shop_faults.told import told

LAMP = str(uuid4())
PRICE = 4900
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ADDRESS = {
    "name": "Ann",
    "line1": "Lindenallee 12",
    "city": "Berlin",
    "postal_code": "10115",
    "country": "DE",
}


class Story:
    """What happened, told as the journal, the gateway and the shelves tell it."""

    def __init__(self, file: Path, *, stock: int = 10) -> None:
        self.file = file
        self.now = 1000.0
        self.journal = Journal(file, clock=lambda: self.now)
        self.charges: list[Charge] = []
        self.counted = {LAMP: stock}
        path = f"/admin/stock/rotterdam/{LAMP}"
        asked = self.journal.asked("administrator", "warehouse", "PUT", path, body={"on_hand": stock})
        self.journal.answered(asked, 201, {"on_hand": stock})

    def orders(self, who: str, *, card: str = "", answers: tuple[str | None, ...] = ("",)) -> str:
        """Sends one order as often as there are answers; `""` is an id of its own, None a lost answer."""
        id = str(uuid4())
        for answer in answers:
            body = {"payment_method": card or f"tok_{who}"}
            asked = self.journal.asked(who, "order-taking", "POST", "/orders", key=f"key of {who}", body=body)
            if answer is None:
                self.journal.unanswered(asked, "ReadTimeout")
            elif answer.isdecimal():
                self.journal.answered(asked, int(answer), {"type": "out-of-stock"})
            else:
                self.journal.answered(asked, 202, {**figures(), "order_id": answer or id})
        return id

    def looks(self, who: str, order: str, state: str | None, **more: Any) -> None:
        """The shopper reads the order; None: there is none."""
        asked = self.journal.asked(who, "order-processing", "GET", f"/orders/{order}")
        if state is None:
            self.journal.answered(asked, 404, {"type": "about:blank"})
            return
        self.journal.answered(asked, 200, {**shown(order, state), **more})

    def sees(self, available: int) -> None:
        """Somebody looks at the lamp in the shop window."""
        asked = self.journal.asked("visitor", "catalog", "GET", f"/products/{LAMP}")
        self.journal.answered(asked, 200, {"available": available})

    def charges_card(self, who: str, order: str, *, status: str = "captured", refunded: int = 0) -> None:
        captured = PRICE if status == "captured" else 0
        number = len(self.charges) + 1
        charge = {
            "id": f"ch_{number}",
            "key": f"{order}:authorise:{number}",
            "reference": order,
            "status": status,
            "amount": PRICE,
            "currency": "EUR",
            "captured": captured,
            "refunded": refunded,
            "fee": 0,
            "method": f"tok_{who}",
            "created_at": NOW,
            "version": 1,
        }
        self.charges.append(Charge.model_validate(charge))

    def buys(self, who: str, state: str = "shipped") -> str:
        """All goes well."""
        order = self.orders(who)
        self.charges_card(who, order)
        self.looks(who, order, state)
        self.counted[LAMP] -= 1
        return order

    def report(self) -> Report:
        return check(told(read(self.file)), self.charges, self.counted)

    def found(self) -> list[str]:
        """Kinds of the violations."""
        return [violation.kind for violation in self.report().violations]


def money(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


def figures() -> dict[str, Any]:
    line = {
        "product_id": LAMP,
        "sku": "LAMP",
        "title": "Lamp",
        "quantity": 1,
        "unit_price": money(PRICE),
        "discount": money(0),
        "tax": money(0),
        "total": money(PRICE),
        "weight_grams": 500,
    }
    zero = dict.fromkeys(("discount", "shipping", "shipping_tax", "tax"), money(0))
    whole = {"subtotal": money(PRICE), "total": money(PRICE), "prices_include_tax": True}
    return {"lines": [line], **zero, **whole}


def shown(order: str, state: str) -> dict[str, Any]:
    return {
        **figures(),
        "id": order,
        "subject": "guest:1",
        "email": "ann@example.com",
        "state": state,
        "shipping_address": ADDRESS,
        "billing_address": ADDRESS,
        "shipping_option": "standard",
        "placed_at": NOW.isoformat(),
        "updated_at": NOW.isoformat(),
        "history": [],
    }


def returned(state: str) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "state": state,
        "lines": [{"product_id": LAMP, "quantity": 1, "amount": money(PRICE)}],
        "reason": "unwanted",
        "amount": money(PRICE),
        "requested_at": NOW.isoformat(),
    }


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path / "journal.jsonl")


def test_nothing_is_said_of_a_day_that_went_well(story: Story) -> None:
    story.buys("ann")
    story.buys("ben", "delivered")
    cleo = story.orders("cleo", answers=(None, "503", ""))  # the answer was lost, and came in the end
    story.charges_card("cleo", cleo)
    story.looks("cleo", cleo, "confirmed")  # packed, perhaps already gone
    dora = story.orders("dora")
    story.charges_card("dora", dora, status="declined")
    story.looks("dora", dora, "cancelled")
    story.orders("emil", answers=("409",))
    fay = story.buys("fay", "delivered")
    story.charges[-1] = story.charges[-1].model_copy(update={"refunded": PRICE})
    story.looks("fay", fay, "returned", returns=[returned("refunded")])
    story.counted[LAMP] += 1
    gus = story.orders("gus")
    story.charges_card("gus", gus, status="captured", refunded=PRICE)
    story.looks("gus", gus, "cancelled")
    report = story.report()
    assert report.violations == [], report
    assert (report.wishes, report.acknowledged, report.refused, report.charges) == (7, 6, 1, 6)
    assert report.states == {"cancelled": 2, "confirmed": 1, "delivered": 1, "returned": 1, "shipped": 1}


def test_more_is_sold_than_there_was(tmp_path: Path) -> None:
    story = Story(tmp_path / "journal.jsonl", stock=1)
    story.buys("ann")
    story.buys("ben", "confirmed")
    story.counted[LAMP] = 0  # a shelf cannot be emptier than that
    [oversold] = story.report().of("oversold")
    assert "1 were there, 2 are sold" in oversold.evidence


def test_a_cancelled_order_is_not_sold(tmp_path: Path) -> None:
    story = Story(tmp_path / "journal.jsonl", stock=1)
    story.buys("ann")
    story.looks("ben", story.orders("ben"), "cancelled")
    assert story.found() == []


@pytest.mark.parametrize("difference", [-1, 1])
def test_the_shelf_does_not_hold_what_should_be_left(story: Story, difference: int) -> None:
    story.buys("ann")
    story.counted[LAMP] += difference
    assert story.found() == ["oversold"]


def test_a_return_that_was_refunded_is_back_on_the_shelf(story: Story) -> None:
    ann = story.buys("ann", "delivered")
    story.charges[-1] = story.charges[-1].model_copy(update={"refunded": PRICE})
    story.looks("ann", ann, "returned", returns=[returned("refunded")])
    assert story.found() == ["oversold"]


def test_one_key_made_two_orders(story: Story) -> None:
    story.orders("ann", answers=(str(uuid4()), str(uuid4())))
    assert "double charged" in story.found()


def test_one_order_was_charged_twice(story: Story) -> None:
    story.charges_card("ann", story.buys("ann"))
    report = story.report()
    assert [each.kind for each in report.violations] == ["double charged", "double charged"]
    assert "ch_1 captured" in report.violations[0].evidence
    assert f"{PRICE} is owed, {2 * PRICE} kept" in report.violations[1].evidence


def test_a_second_amount_is_set_aside(story: Story) -> None:
    story.charges_card("ann", story.buys("ann"), status="authorised")
    assert story.found() == ["double charged"]


def test_a_charge_that_was_given_up_is_none(story: Story) -> None:
    story.charges_card("ann", story.buys("ann"), status="voided")
    assert story.found() == []


@pytest.mark.parametrize("status", ["authorised", "captured"])
def test_a_refused_order_is_charged(story: Story, status: str) -> None:
    story.charges_card("ann", story.orders("ann", answers=(None, "409")), status=status)
    assert story.found() == ["double charged"]


def test_a_cancelled_order_keeps_its_money(story: Story) -> None:
    ann = story.orders("ann")
    story.charges_card("ann", ann)
    story.looks("ann", ann, "cancelled")
    assert story.found() == ["double charged"]


def test_a_cancelled_order_keeps_its_hold(story: Story) -> None:
    ann = story.orders("ann")
    story.charges_card("ann", ann, status="authorised")
    story.looks("ann", ann, "cancelled")
    assert story.found() == ["not final"]


def test_an_acknowledged_order_is_not_known(story: Story) -> None:
    story.looks("ann", story.orders("ann"), None)
    assert story.found() == ["lost"]


def test_an_order_vanishes_after_it_was_seen(story: Story) -> None:
    story.looks("ann", story.buys("ann", "confirmed"), None)
    assert story.found() == ["lost"]


def test_an_order_is_sent_though_nobody_paid(story: Story) -> None:
    ann = story.orders("ann")
    story.looks("ann", ann, "shipped")
    story.counted[LAMP] -= 1
    [lost] = story.report().violations
    assert (lost.kind, "no charge" in lost.evidence) == ("lost", True)


def test_a_refund_that_is_under_way_may_be_made_or_not(story: Story) -> None:
    ann = story.buys("ann", "delivered")
    story.looks("ann", ann, "delivered", returns=[returned("received")])
    assert story.found() == []
    story.charges[-1] = story.charges[-1].model_copy(update={"refunded": PRICE})
    assert story.found() == []
    story.counted[LAMP] += 1
    assert story.found() == []


def test_an_order_does_not_come_to_an_end(story: Story) -> None:
    ann = story.orders("ann")
    story.charges_card("ann", ann, status="authorised")
    story.looks("ann", ann, "allocated")
    assert story.found() == ["not final"]


def test_an_order_that_nobody_could_read_is_not_final(story: Story) -> None:
    story.orders("ann")
    assert story.found() == ["not final"]


def test_an_order_that_was_never_answered_is_not_final(story: Story) -> None:
    story.orders("ann", answers=(None, "503", None))
    assert story.found() == ["not final"]


@pytest.mark.parametrize(("seconds", "kinds"), [(60, []), (61, ["not final"])])
def test_the_end_comes_too_late(story: Story, seconds: float, kinds: list[str]) -> None:
    ann = story.orders("ann")
    story.charges_card("ann", ann)
    story.looks("ann", ann, "paid")
    story.now = 2000.0
    story.journal.faults_ended()
    story.now += seconds
    story.looks("ann", ann, "confirmed")
    assert story.found() == kinds


def test_an_order_that_is_undone_again_is_settled_since_then(story: Story) -> None:
    ann = story.orders("ann")
    story.looks("ann", ann, "confirmed")
    story.looks("ann", ann, "cancelling")
    story.journal.faults_ended()
    story.now += 61
    story.looks("ann", ann, "cancelled")
    assert story.found() == ["not final"]


def test_neither_cards_nor_tokens_come_into_the_journal(story: Story) -> None:
    asked = story.journal.asked("ann", "testgateway", "POST", "/v1/methods", body={"number": "4242"})
    story.journal.answered(asked, 201, {"token": "tok_secret"})
    asked = story.journal.asked("ann", "user", "POST", "/login", body={"password": "secret"})
    story.journal.answered(asked, 200, {"access_token": "secret"})
    assert "4242" not in story.file.read_text()
    assert "secret" not in story.file.read_text()


def test_a_journal_only_grows(story: Story) -> None:
    before = story.file.read_bytes()
    story.journal.close()
    again = Journal(story.file)
    again.faults_ended()
    assert story.file.read_bytes().startswith(before)
    assert len(list(read(story.file))) == before.count(b"\n") + 1


@pytest.mark.parametrize(("shown", "kinds"), [(9, []), (10, ["shown wrong"]), (8, ["shown wrong"])])
def test_what_is_shown_can_be_had(story: Story, shown: int, kinds: list[str]) -> None:
    story.buys("ann")
    story.sees(shown)
    assert story.found() == kinds


def test_only_the_last_look_counts(story: Story) -> None:
    story.sees(10)
    story.buys("ann", "confirmed")
    story.sees(9)
    assert story.found() == []
