"""A demo shop from a fixed seed: plausible, the same each time, and no more than a list of words."""

import random
from collections.abc import Iterator
from uuid import UUID

from shop_contracts.catalog.api import Category, NewProduct
from shop_contracts.catalog.promotions import AmountOff, CouponContent, Percentage
from shop_contracts.money import Money
from shop_contracts.warehouse.api import InitialStock, NewWarehouse

SEED = 20261121
CURRENCY = "EUR"
EPOCH_MS = 1_767_225_600_000
"""The ids are UUIDv7 of the first minutes of 2026, so that the list's order is that of the catalogue."""

CATEGORIES = {
    "home": ("Home", None),
    "lighting": ("Lighting", "home"),
    "kitchen": ("Kitchen", "home"),
    "textiles": ("Textiles", "home"),
    "outdoor": ("Outdoor", None),
    "hiking": ("Hiking", "outdoor"),
    "cycling": ("Cycling", "outdoor"),
    "office": ("Office", None),
}

# Category: prefix of the sku, materials, kinds of product with their lowest and highest price in whole euros.
GOODS: dict[str, tuple[str, list[str], dict[str, tuple[int, int]]]] = {
    "lighting": (
        "LGT",
        ["oak", "brass", "linen", "opal glass", "black steel"],
        {"desk lamp": (39, 129), "floor lamp": (79, 249), "pendant": (59, 199), "bedside lamp": (29, 89)},
    ),
    "kitchen": (
        "KIT",
        ["stoneware", "cast iron", "beech", "enamel", "stainless steel"],
        {"mug": (9, 19), "casserole": (49, 179), "chopping board": (19, 59), "kettle": (35, 95)},
    ),
    "textiles": (
        "TEX",
        ["linen", "merino", "organic cotton", "waffle", "washed velvet"],
        {"throw": (39, 149), "cushion": (19, 59), "bath towel": (15, 45), "bed linen": (59, 189)},
    ),
    "hiking": (
        "HIK",
        ["ultralight", "waxed canvas", "ripstop", "recycled", "alpine"],
        {"backpack": (59, 219), "rain jacket": (79, 289), "trekking poles": (35, 139), "bottle": (12, 35)},
    ),
    "cycling": (
        "CYC",
        ["city", "touring", "gravel", "reflective", "waterproof"],
        {"helmet": (39, 159), "pannier": (45, 129), "light set": (19, 89), "multitool": (15, 49)},
    ),
    "office": (
        "OFF",
        ["walnut", "felt", "recycled", "aluminium", "cork"],
        {"desk mat": (19, 59), "notebook": (7, 24), "monitor stand": (45, 149), "pen tray": (12, 39)},
    ),
}
PER_CATEGORY = 11


def categories() -> Iterator[Category]:
    """Parents first."""
    for position, (slug, (title, parent)) in enumerate(CATEGORIES.items()):
        yield Category(slug=slug, title=title, parent=parent, position=position)


def products() -> Iterator[NewProduct]:
    """The same ones at each call."""
    chance = random.Random(SEED)
    for category, (prefix, materials, kinds) in GOODS.items():
        all_of_them = [(material, kind) for kind in kinds for material in materials]
        for number, (material, kind) in enumerate(chance.sample(all_of_them, PER_CATEGORY), start=1):
            low, high = kinds[kind]
            title = f"{material} {kind}".capitalize()
            yield NewProduct(
                id=_id(chance),
                sku=f"{prefix}-{number:04}",
                slug=title.lower().replace(" ", "-"),
                title=title,
                description=f"{title}, from our {CATEGORIES[category][0].lower()} range.",
                category=category,
                attributes={"material": material, "kind": kind},
                price=Money(amount=chance.randint(low, high) * 100 - 10, currency=CURRENCY),
            )


SHOPPER = ("ann@shop.example", "correct horse battery")


def coupons() -> dict[str, CouponContent]:
    """By code."""
    return {
        "WELCOME10": CouponContent(
            title="10 % off the first order", rule=Percentage(percent=10), limit_per_subject=1
        ),
        "FIVE": CouponContent(
            title="5 euros off",
            rule=AmountOff(amount=Money(amount=500, currency=CURRENCY)),
            minimum=Money(amount=5000, currency=CURRENCY),
        ),
    }


def warehouses() -> dict[str, NewWarehouse]:
    """By code."""
    return {
        "rotterdam": NewWarehouse(title="Rotterdam", country="NL", priority=10),
        "leipzig": NewWarehouse(title="Leipzig", country="DE", priority=20),
    }


def stock() -> Iterator[tuple[str, UUID, InitialStock]]:
    """Warehouse, product, and what is there; every second product is in both warehouses."""
    chance = random.Random(SEED + 1)
    for number, product in enumerate(products()):
        assert product.id is not None
        for code in warehouses() if number % 2 else ("rotterdam",):
            on_hand = chance.randint(20, 120)
            yield code, product.id, InitialStock(on_hand=on_hand, reorder_point=10, reorder_quantity=50)


def _id(chance: random.Random) -> UUID:
    """A UUIDv7 (RFC 9562, section 5.7) whose random bits come from the seed."""
    milliseconds = EPOCH_MS + chance.randrange(600_000)
    return UUID(
        int=milliseconds << 80 | 7 << 76 | chance.getrandbits(12) << 64 | 2 << 62 | chance.getrandbits(62)
    )
