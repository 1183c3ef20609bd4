from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop_contracts.catalog.api import Category, FamilyWithVariants, PriceChange, Product
from shop_contracts.catalog.promotions import AmountOff, NForM, Percentage, Promotion, Rule
from shop_contracts.money import Money
from shop_storefront import listing
from shop_storefront.history import HEIGHT, WIDTH, history_of
from shop_storefront.near.catalog import Tree
from shop_storefront.near.search import Wanted
from shop_storefront.variants import options_of

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def euros(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


def product(slug: str, category: str = "lighting", family: str | None = None, **options: str) -> Product:
    return Product(
        id=uuid4(),
        sku="X-1",
        slug=slug,
        title=slug,
        category=category,
        price=euros(1000),
        family=family,
        options=options,
        version=1,
        updated_at=NOW,
    )


def promotion(
    rule: Rule, *, categories: list[str] | None = None, exclusive: bool = False, **more: object
) -> Promotion:
    return Promotion.model_validate(
        {
            "id": uuid4(),
            "version": 1,
            "title": "Offer",
            "rule": rule,
            "categories": categories or [],
            "exclusive": exclusive,
            **more,
        }
    )


TREE = Tree(
    [
        Category(slug="home", title="Home", position=1),
        Category(slug="lighting", title="Lighting", parent="home"),
        Category(slug="lamps", title="Lamps", parent="lighting"),
        Category(slug="outdoor", title="Outdoor"),
    ]
)


def test_the_tree_knows_ways_down_and_up() -> None:
    assert [each.slug for each in TREE.below()] == ["outdoor", "home"]
    assert [each.slug for each in TREE.path("lamps")] == ["home", "lighting", "lamps"]
    assert TREE.path("nothing") == []
    assert TREE.title("not-known") == "Not known"


def test_a_circle_of_categories_has_an_end() -> None:
    circle = Tree([Category(slug="a", title="A", parent="b"), Category(slug="b", title="B", parent="a")])
    assert [each.slug for each in circle.path("a")] == ["b", "a"]


def test_of_a_family_one_is_shown() -> None:
    products = [product("a"), product("s", family="shirt"), product("m", family="shirt"), product("b")]
    shown = listing.one_of_each_family(map(listing.of_product, products))
    assert [each.slug for each in shown] == ["a", "s", "b"]


def test_promotions_are_on_products_of_categories_below_theirs() -> None:
    on_home = promotion(Percentage(percent=10), categories=["home"])
    exclusive = promotion(Percentage(percent=5), categories=["lamps"], exclusive=True)
    elsewhere = promotion(Percentage(percent=20), categories=["outdoor"])
    lamp = product("x", "lamps")
    of_this = promotion(AmountOff(amount=euros(500), per="piece"), products=[lamp.id])
    offers = [on_home, elsewhere, exclusive, of_this]
    assert listing.promotions_on(lamp, offers, TREE) == [exclusive, on_home, of_this]
    assert listing.promotions_on(product("y", "outdoor"), offers, TREE) == [elsewhere]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Percentage(percent=15), "15 % off"),
        (NForM(take=3, pay=2), "3 for 2"),
        (AmountOff(amount=euros(2000), per="piece"), "€20 off"),
        (AmountOff(amount=euros(2000), per="order"), ""),
    ],
)
def test_a_promotion_in_few_words(rule: Rule, words: str) -> None:
    assert listing.badge(promotion(rule), lambda money: f"€{money.amount // 100}", str) == words


def test_choices_lead_to_the_variant_that_differs_least() -> None:
    variants = [
        product("s-navy", family="f", size="S", colour="navy"),
        product("s-moss", family="f", size="S", colour="moss"),
        product("m-navy", family="f", size="M", colour="navy"),
    ]
    family = FamilyWithVariants(
        slug="f", version=1, title="F", options=["size", "colour", "material"], variants=variants
    )
    size, colour = options_of(variants[1], family)
    assert [(each.value, each.slug, each.current, each.exact) for each in size.choices] == [
        ("S", "s-moss", True, True),
        ("M", "m-navy", False, False),
    ]
    assert (colour.value, [each.slug for each in colour.choices]) == ("moss", ["s-navy", "s-moss"])


def changes(*prices: tuple[int, int]) -> list[PriceChange]:
    """Amount and days ago, newest first."""
    return [PriceChange(price=euros(amount), since=NOW - timedelta(days=days)) for amount, days in prices]


def test_the_lowest_price_of_thirty_days_counts_what_held_when_they_began() -> None:
    found = history_of(changes((5000, 2), (7000, 10), (3000, 40), (1000, 90)), NOW)
    assert found is not None
    assert (found.lowest, found.highest) == (euros(3000), euros(7000))
    assert history_of([], NOW) is None


def test_a_price_that_never_changed_is_no_line() -> None:
    found = history_of(changes((5000, 400)), NOW)
    assert found is not None
    assert (found.path, found.lowest) == ("", euros(5000))


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 1000)), min_size=2, max_size=20))
def test_the_line_stays_in_its_field(prices: list[tuple[int, int]]) -> None:
    found = history_of(changes(*sorted(prices, key=lambda each: each[1])), NOW)
    assert found is not None
    steps = found.path.removeprefix("M0 ").replace("V", " V").replace("H", " H").split()
    heights = [float(steps[0]), *(float(each[1:]) for each in steps if each[0] == "V")]
    widths = [float(each[1:]) for each in steps if each[0] == "H"]
    assert all(0 <= each <= HEIGHT for each in heights)
    assert widths == sorted(widths)
    assert widths[-1] == WIDTH


def test_an_address_says_what_is_wanted_and_nothing_else() -> None:
    wanted = Wanted.of(
        {"q": " lamp ", "price": "1000-", "in_stock": "1", "sort": "price", "after": "x"},
        ["colour:navy", "nonsense"],
    )
    assert wanted.parameters() == {
        "q": "lamp",
        "attribute": ["colour:navy"],
        "price_min": "1000",
        "in_stock": "true",
        "sort": "price",
        "after": "x",
        "limit": 24,
    }
    assert (
        wanted.address("/search")
        == "/search?q=lamp&attribute=colour%3Anavy&price=1000-&in_stock=1&sort=price"
    )
    assert wanted.address("/search", attributes=(), price="", in_stock=False, sort="") == "/search?q=lamp"


@given(
    st.dictionaries(st.sampled_from(["q", "price", "in_stock", "sort", "after"]), st.text()),
    st.lists(st.text()),
)
def test_whatever_stands_in_an_address_can_be_asked(query: dict[str, str], many: list[str]) -> None:
    wanted = Wanted.of(query, many, "home")
    parameters = wanted.parameters()
    assert all(str(parameters.get(name, "0")).isdigit() for name in ("price_min", "price_max"))
    assert Wanted.of({}, [], "home").address("/c/home") == "/c/home"
