"""People who come to the shop: when, what they do, what is thought of the answers. No locust is needed."""

import json
import math
import random
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop_bench.load import pod
from shop_bench.load.checks import CHECKS, fault, route
from shop_bench.load.command import arguments, generator, mix
from shop_bench.load.door import Door, Shop
from shop_bench.load.profiles import PROFILES, Shape, Stream, arrivals, everybody
from shop_bench.load.samples import ARRIVAL, LEFT, Request, Samples, due_in, figures, parsed, table
from shop_bench.load.visits import REQUESTS, VISITS, Goods, Visitor, visit
from shop_faults.journal import Journal, read
from shop_faults.told import told

LAMP, DESK = (f"018f6d2e-6f00-7cc0-8000-1f6a2d0c000{number}" for number in (1, 2))
ORDER = "018f6d2e-6f00-7cc0-8000-1f6a2d0c0009"
SHAPE = Shape(base=2, peak=20, before=30, hold=60, after=60)


def euros(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "EUR"}


# When people come


@pytest.mark.parametrize(
    ("profile", "at", "rate"),
    [
        ("steady", 45, 2),
        ("step", 29.9, 2),
        ("step", 30, 20),
        ("step", 89.9, 20),
        ("step", 90, 2),
        ("spike", 29.9, 2),
        ("spike", 30, 20),
        ("spike", 90, 2 + 18 / math.e),
        ("wave", 0, 2),
        ("wave", 15, 11),
        ("wave", 30, 20),
        ("wave", 60, 2),
    ],
)
def test_a_profile_is_a_rate_at_each_time(profile: str, at: float, rate: float) -> None:
    [stream] = PROFILES[profile](SHAPE)
    assert stream.rate(at) == pytest.approx(rate)


def test_a_sale_leaves_everybody_else_as_they_are() -> None:
    usual, crowd = PROFILES["sale"](SHAPE)
    assert [usual.rate(at) for at in (0, 30, 60)] == [2, 2, 2]
    assert (crowd.mix, crowd.rate(29.9), crowd.rate(30)) == ({"bargain": 1}, 0, 20)


@pytest.mark.parametrize("profile", PROFILES)
def test_no_rate_is_above_what_its_stream_says(profile: str) -> None:
    for stream in PROFILES[profile](SHAPE):
        assert all(0 <= stream.rate(at) <= stream.highest for at in range(round(SHAPE.seconds)))


@pytest.mark.parametrize(
    "wrong", [{"base": 3, "peak": 2}, {"base": 0, "peak": 0}, {"hold": 0}, {"before": -1}]
)
def test_a_shape_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        Shape(**wrong)


def test_people_come_as_often_as_the_rate_says() -> None:
    [stream] = PROFILES["step"](SHAPE)
    came = [at for at, _ in arrivals(random.Random(7), stream, SHAPE.seconds)]
    within = [sum(begin <= at < begin + 30 for at in came) for begin in range(0, 150, 30)]
    expected = [60, 600, 600, 60, 60]
    # Five standard deviations of a Poisson count: this seed is not a lucky one.
    assert all(abs(found - one) < 5 * math.sqrt(one) for found, one in zip(within, expected, strict=True))


@hypothesis.settings(deadline=None)
@given(st.integers(), st.floats(0.1, 30))
def test_arrivals_are_in_order_within_the_time_and_the_same_again(seed: int, seconds: float) -> None:
    stream = Stream("everybody", {"browse": 1, "buy": 2}, lambda at: 2 * at, 60)
    came = list(arrivals(random.Random(seed), stream, seconds))
    assert came == sorted(came) == list(arrivals(random.Random(seed), stream, seconds))
    assert all(0 < at < seconds for at, _ in came)


def test_a_crowd_does_not_change_when_everybody_else_comes() -> None:
    usual = everybody("1", PROFILES["steady"](SHAPE), SHAPE.seconds)
    sale = everybody("1", PROFILES["sale"](SHAPE), SHAPE.seconds)
    assert [each for each in sale if each[1] != "bargain"] == usual


# What is thought of answers


def line(product: str, quantity: int, price: int, **changed: Any) -> dict[str, Any]:
    total = euros(price * quantity)
    return {"product_id": product, "quantity": quantity, "unit_price": euros(price), "total": total,
            "available": True, **changed}  # fmt: skip


def cart(*lines: dict[str, Any], **changed: Any) -> dict[str, Any]:
    sold = [each for each in lines if each["available"]]
    total = euros(sum(each["total"]["amount"] for each in sold)) if sold else None
    count = sum(each["quantity"] for each in sold)
    return {"id": "secret", "lines": list(lines), "item_count": count, "subtotal": total, "discount": None,
            "total": total, **changed}  # fmt: skip


def product(id: str = LAMP, **changed: Any) -> dict[str, Any]:
    return {"id": id, "title": "Alva lamp, black", "price": euros(4900), "active": True,
            "available": 3, **changed}  # fmt: skip


def figured(**changed: Any) -> dict[str, Any]:
    lines = [{"quantity": 2, "unit_price": euros(1000), "discount": euros(200), "tax": euros(287)}]
    return {"lines": lines, "prices_include_tax": True, "subtotal": euros(2000), "discount": euros(200),
            "shipping": euros(490), "shipping_tax": euros(78), "tax": euros(365), "total": euros(2290),
            **changed}  # fmt: skip


PRODUCTS, CART, LINE = "/products", "/carts/secret", f"/carts/secret/lines/{LAMP}"
RIGHT: list[tuple[str, str, str, dict[str, str], Any, Any]] = [
    ("catalog", "GET", PRODUCTS, {"limit": "2"}, None, {"items": [product(), product(DESK)]}),
    ("catalog", "GET", f"{PRODUCTS}/{LAMP}", {}, None, product()),
    ("catalog", "GET", f"{PRODUCTS}/{LAMP}/prices", {}, None,
     {"items": [{"since": "2026-01-02T00:00:00.5Z"}, {"since": "2026-01-02T00:00:00Z"}]}),
    ("catalog", "GET", "/categories", {}, None,
     {"items": [{"slug": "a", "parent": None}, {"slug": "b", "parent": "a"}]}),
    ("search", "GET", "/search", {}, None, {"items": [{"product_id": LAMP}, {"product_id": DESK}]}),
    ("cart", "POST", "/carts", {}, None, cart()),
    ("cart", "GET", CART, {}, None, cart(line(LAMP, 2, 700), line(DESK, 1, 900, available=False))),
    ("cart", "POST", f"{CART}/lines", {}, {"product_id": LAMP, "quantity": 1}, cart(line(LAMP, 2, 700))),
    ("cart", "PUT", LINE, {}, {"quantity": 2}, cart(line(LAMP, 2, 700))),
    ("order-taking", "POST", "/orders:preview", {}, {}, figured()),
    ("order-processing", "GET", f"/orders/{ORDER}", {}, None, figured(id=ORDER)),
    ("logistics", "POST", "/quotes", {}, {}, {"options": [{"price": euros(490)}, {"price": euros(990)}]}),
    ("warehouse", "GET", "/availability", {"id": LAMP}, None, {"items": [{"product_id": LAMP}]}),
]  # fmt: skip


@pytest.mark.parametrize("answer", RIGHT, ids=lambda answer: f"{answer[0]} {route(answer[2])}")
def test_a_right_answer_has_no_fault(answer: Any) -> None:
    service, method, path, query, sent, body = answer
    assert fault(service, method, path, query, sent, 200, body) == ""


def test_each_check_has_a_right_answer_here() -> None:
    assert {(each[0], each[1], route(each[2])) for each in RIGHT} == CHECKS.keys()


@pytest.mark.parametrize(
    ("service", "method", "path", "query", "sent", "body", "why"),
    [
        ("catalog", "GET", PRODUCTS, {"limit": "1"}, None,
         {"items": [product(), product(DESK)]}, "more than"),
        ("catalog", "GET", PRODUCTS, {}, None, {"items": [product(), product()]}, "twice"),
        ("catalog", "GET", PRODUCTS, {}, None, {"items": [product(active=False)]}, "not sold"),
        ("catalog", "GET", PRODUCTS, {"sort": "price"}, None,
         {"items": [product(), product(DESK, price=euros(1))]}, "order of prices"),
        ("catalog", "GET", f"{PRODUCTS}/{LAMP}", {}, None, product(DESK), "another product"),
        ("catalog", "GET", f"{PRODUCTS}/{LAMP}", {}, None, product(price=euros(-1)), "below 0"),
        ("catalog", "GET", f"{PRODUCTS}/{LAMP}/prices", {}, None, {"items": []}, "no price"),
        ("catalog", "GET", "/categories", {}, None, {"items": [{"slug": "b", "parent": "a"}]}, "parent"),
        ("cart", "GET", CART, {}, None, cart(line(LAMP, 2, 700, total=euros(1))), "times its quantity"),
        ("cart", "GET", CART, {}, None, cart(line(LAMP, 2, 700), item_count=1), "pieces"),
        ("cart", "GET", CART, {}, None, cart(line(LAMP, 2, 700), subtotal=euros(1)), "subtotal"),
        ("cart", "GET", CART, {}, None, cart(line(LAMP, 2, 700), discount=euros(100)), "less discount"),
        ("cart", "PUT", LINE, {}, {"quantity": 2}, cart(line(LAMP, 1, 700)), "another quantity"),
        ("cart", "POST", f"{CART}/lines", {}, {"product_id": LAMP, "quantity": 1}, cart(), "not in the cart"),
        ("order-taking", "POST", "/orders:preview", {}, {}, figured(total=euros(2291)), "total that"),
        ("order-taking", "POST", "/orders:preview", {}, {}, figured(prices_include_tax=False), "total that"),
        ("order-processing", "GET", f"/orders/{ORDER}", {}, None, figured(id=LAMP), "another order"),
        ("logistics", "POST", "/quotes", {}, {}, {"options": []}, "no way"),
        ("warehouse", "GET", "/availability", {"id": LAMP}, None, {"items": []}, "another product"),
        ("search", "GET", "/search", {}, None, {"items": [{"product_id": LAMP}] * 2}, "twice"),
        ("catalog", "GET", PRODUCTS, {}, None, {"products": []}, "contract"),
        ("catalog", "GET", PRODUCTS, {}, None, None, "contract"),
    ],
)  # fmt: skip
def test_a_wrong_answer_is_found(
    service: str, method: str, path: str, query: Any, sent: Any, body: Any, why: str
) -> None:
    assert why in fault(service, method, path, query, sent, 200, body)


@pytest.mark.parametrize(("status", "found"), [(500, "status 500"), (503, "status 503"), (429, "status 429")])
def test_who_is_turned_away_was_not_answered(status: int, found: str) -> None:
    assert fault("catalog", "GET", PRODUCTS, {}, None, status, None) == found


def test_a_refusal_is_an_answer() -> None:
    assert fault("cart", "POST", f"{CART}/lines", {}, {}, 409, {"type": "sold-out"}) == ""


def test_routes_tell_no_ids() -> None:
    assert route(LINE) == "/carts/{cart}/lines/{id}"
    assert route(f"/carts/me/lines/{LAMP}") == "/carts/{cart}/lines/{id}"
    assert route("/orders:preview") == "/orders:preview"


# What people do


class Services(httpx.BaseTransport):
    """All services; each answer takes a tenth of a second of the clock."""

    def __init__(self, state: str = "confirmed", **statuses: int) -> None:
        """`statuses` of services that refuse everything, by name; `lines` is that of cart's lines.

        `state` is that of every order.
        """
        self.state = state
        self.now = 100.0
        self.asked: list[tuple[str, str]] = []
        self.statuses = statuses

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.now += 0.1
        service = request.url.host.partition(".")[0]
        self.asked.append((service, f"{request.method} {route(request.url.path)}"))
        path = route(request.url.path)
        if request.url.params.get("after") not in (None, self.cursor(request)):
            return httpx.Response(422, json={"detail": "after: not a cursor of this list"})
        for name in (service, path.rpartition("/")[2]):
            if name in self.statuses:
                return httpx.Response(self.statuses[name], json={})
        return httpx.Response(202 if path == "/orders" else 200, json=self.body(request, path))

    def cursor(self, request: httpx.Request) -> str:
        """Of one list: who goes on asks for the same one."""
        return str(request.url.copy_remove_param("after").params)

    def body(self, request: httpx.Request, path: str) -> Any:
        sent = json.loads(request.content) if request.content else {}
        last = request.url.path.rpartition("/")[2]
        match request.method, path:
            case "GET", "/products":
                return {"items": [product(), product(DESK)], "next": self.cursor(request)}
            case "GET", "/products/{id}":
                return product(last)
            case "GET", "/products/{id}/prices":
                return {"items": [{"since": "2026-01-02T00:00:00Z"}]}
            case "GET", "/categories":
                return {"items": [{"slug": "lighting", "parent": None}]}
            case "POST", "/carts/{cart}/lines":
                return cart(line(sent["product_id"], sent["quantity"], 700))
            case "PUT", "/carts/{cart}/lines/{id}":
                return cart(line(last, sent["quantity"], 700))
            case "POST", "/guests":
                return {"access_token": "token", "subject": "somebody"}
            case "POST", "/orders:preview":
                return figured()
            case "POST", "/orders":
                return {"order_id": ORDER}
            case "GET", "/orders/{id}":
                return figured(id=last, state=self.state)
            case "GET", "/search":
                return {"items": [{"product_id": LAMP}]}
            case "GET", "/api/search/search":
                return {"items": [{"product_id": LAMP}] * 2}
            case "POST", "/quotes":
                return {"options": [{"price": euros(490)}]}
            case "GET", "/availability":
                return {"items": [{"product_id": request.url.params["id"]}]}
        return cart() if path.startswith("/carts") else {"items": []}


GOODS = Goods.of({"items": [product(), product(DESK)]}, {"items": [{"slug": "lighting"}]})
NAMES = ("catalog", "search", "cart", "user", "order-taking", "order-processing", "warehouse", "logistics")


def visited(
    kind: str, services: Services, journal: Journal | None = None, due: float = 99.0, seed: int = 1
) -> list[Request]:
    noted: list[Request] = []
    shop = Shop({name: f"http://{name}.shop" for name in NAMES}, noted.append, journal)
    door = Door(
        shop, f"{kind}-1", kind, due, inner=services, clock=lambda: services.now, sleep=services.sleep
    )
    visit(kind, Visitor(door, GOODS, random.Random(seed)))
    return noted


@pytest.mark.parametrize("kind", sorted(VISITS))
@pytest.mark.parametrize("seed", range(5))
def test_a_visit_in_a_shop_that_is_well_finds_nothing_wrong(kind: str, seed: int) -> None:
    services = Services()
    noted = visited(kind, services, seed=seed)
    assert [each.error for each in noted] == [""] * len(noted)
    assert len(noted) == len(services.asked) + 1, "each request, and that somebody came"


@pytest.mark.parametrize(("kind", "expected"), REQUESTS.items())
def test_visits_that_are_counted_on_make_as_many_requests_as_they_say(kind: str, expected: Any) -> None:
    services = Services()
    visited(kind, services)
    asked = [service for service, _ in services.asked]
    assert {name: asked.count(name) for name in asked} == expected


def test_a_sale_is_about_catalog_and_cart_alone() -> None:
    services = Services()
    visited("bargain", services)
    assert {service for service, _ in services.asked} == {"catalog", "cart"}


def test_latency_counts_from_when_a_request_was_due() -> None:
    noted = visited("glance", Services(), due=98.0)
    came, first, second, *_ = noted
    assert (came.route, came.seconds) == (ARRIVAL, 2.0)
    assert first.due == 98.0
    assert first.seconds == pytest.approx(2.1), "the generator was two seconds late"
    assert second.due > first.due + first.seconds
    assert second.seconds == pytest.approx(0.1), "what somebody thinks in between is not the shop's"


def test_what_the_shop_refuses_without_reason_is_told_once() -> None:
    noted = visited("glance", Services(catalog=404))
    assert [each.route for each in noted if each.error] == [LEFT]
    noted = visited("glance", Services(catalog=500))
    assert [each.route for each in noted if each.error] == ["GET /products/{id}"]


def test_who_is_asked_to_come_later_goes() -> None:
    services = Services(catalog=503)
    noted = visited("glance", services)
    assert [each.error for each in noted if each.error] == ["status 503"]
    assert len(services.asked) == 1


def test_an_order_that_does_not_rest_is_a_fault_once_patience_ends() -> None:
    noted = visited("buy", Services(state="pending"))
    [wrong] = [each for each in noted if each.error]
    assert (wrong.route, wrong.error) == (LEFT, "an order that does not rest after 60 s")


def test_people_look_around_in_all_ways() -> None:
    services = Services()
    for seed in range(20):
        visited("browse", services, seed=seed)
    assert {what for _, what in services.asked} == {
        "GET /categories",
        "GET /products",
        "GET /products/{id}",
        "GET /products/{id}/relations",
        "GET /products/{id}/prices",
        "GET /search",
    }


def test_what_is_sold_out_is_no_fault() -> None:
    services = Services(lines=409)
    noted = visited("fill", services)
    assert [each.error for each in noted] == [""] * len(noted)
    assert services.asked[-1] == ("cart", "POST /carts/{cart}/lines"), "there is nothing left to do"


def test_what_is_not_listed_is_reached_through_the_storefront() -> None:
    noted: list[Request] = []
    services = Services()
    door = Door(Shop({"storefront": "http://storefront.shop"}, noted.append), "1", "browse", 100.0,
                inner=services, clock=lambda: services.now)  # fmt: skip
    door.api("search").get("/search", q="lamp")
    assert services.asked == [("storefront", "GET /api/search/search")]
    assert noted[-1][2:] == ("search", "GET /search", "browse", "a product twice in one page")


def test_the_storefront_and_what_is_behind_it_are_told_apart() -> None:
    noted: list[Request] = []
    shop, services = Shop({"storefront": "http://storefront.shop"}, noted.append), Services()
    door = Door(shop, "1", "browse", 100.0, inner=services, clock=lambda: services.now)
    door.api("storefront").ask("GET", "/")
    door.api("search").get("/search", q="lamp")
    assert [each.service for each in noted[1:]] == ["storefront", "search"]


def test_what_was_ordered_is_in_the_journal_as_the_checker_reads_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    visited("buy", Services(), journal)
    journal.close()
    lines = list(read(journal.file))
    assert {each.service for each in lines} == {"user", "cart", "order-taking", "order-processing"}
    assert all(each.body is None for each in lines if each.service == "user"), "tokens are not written down"
    [wish] = told(each for each in lines if each.what == "asked").wishes.values()
    assert (wish.who, wish.card) == ("buy-1", "tok_visa")
    assert wish.key


# What is kept


def test_samples_are_read_as_they_were_written() -> None:
    out = StringIO()
    request = Request(1.5, 0.25, "catalog", "GET /products/{id}", "browse", "status 500")
    Samples(out).note(request)
    assert parsed(out.getvalue()) == request


def test_figures_leave_out_arrivals_and_keep_failures_apart() -> None:
    every = [
        Request(10, 0.0, "", ARRIVAL, "browse"),
        Request(10, 0.010, "catalog", "GET /products", "browse"),
        Request(11, 0.030, "catalog", "GET /products", "browse"),
        Request(12, 9.0, "catalog", "GET /products", "browse", "status 500"),
        Request(13, 0.1, "cart", "POST /carts", "fill"),
    ]
    found = figures(due_in(every, 10, 13), 3)
    assert (found.count, found.failed, found.p99) == (3, 1, 0.030)
    printed = table(every, 3)
    assert [row.split()[0] for row in printed[1:4]] == ["cart", "catalog", "all"]
    assert "1 × catalog GET /products: status 500" in printed


def test_who_left_is_told_by_what_they_came_for() -> None:
    printed = table([Request(10, 0.0, "", LEFT, "browse", "refused")] * 2, 3)
    assert printed[1].split() == ["left", "2", "0.7", "–", "–", "2"]
    assert "2 × browse left: refused" in printed


def test_samples_among_a_pods_lines_go_to_the_file() -> None:
    out = StringIO()
    lines = ["begun 1.000\n", '[1,0.1,"catalog","GET /products","glance",""]\n', "2 people came\n"]
    assert list(pod.split(lines, out)) == ["begun 1.000\n", "2 people came\n"]
    assert out.getvalue() == lines[1]


def test_the_pod_has_no_rights_and_is_told_where_the_services_are() -> None:
    namespace, found = pod.manifests("shop/load:dev-0", ["sale", "--seed", "1"])["items"]
    assert found["metadata"]["namespace"] == namespace["metadata"]["name"] != "shop"
    [container] = found["spec"]["containers"]
    assert container["args"] == ["sale", "--seed", "1"]
    assert found["spec"]["automountServiceAccountToken"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_a_mix_names_visits() -> None:
    assert mix("browse=7,buy") == {"browse": 7, "buy": 1}
    with pytest.raises(ValueError, match="found 'sleep'"):
        mix("sleep=1")


def test_the_generator_is_given_the_shape_that_was_asked_for() -> None:
    flags = arguments().parse_args(["step", "--peak", "9", "--mix", "glance=1"])
    shape = Shape(flags.base, flags.peak, flags.before, flags.hold, flags.after, flags.mix)
    words = generator("step", {"catalog": "http://catalog.shop"}, asdict(shape), "--seed", "1")
    given = dict(zip(words[4::2], words[5::2], strict=True))
    assert words[1:4] == ["-m", "shop_bench.load", "step"]
    assert Shape(**json.loads(given["--shape"])) == shape
    assert json.loads(given["--services"]) == {"catalog": "http://catalog.shop"}


def test_a_shop_without_goods_is_told_how_to_get_some() -> None:
    with pytest.raises(ValueError, match="shop seed"):
        Goods.of({"items": [product(available=0)]}, {"items": []})
