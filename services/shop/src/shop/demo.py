"""A demo shop from a fixed seed: plausible, the same each time, and no more than a list of words."""

import random
from collections.abc import Iterator
from itertools import product
from uuid import UUID

from shop_contracts.catalog.api import Category, FamilyContent, NewProduct, Relation, Relations
from shop_contracts.catalog.promotions import AmountOff, CouponContent, NForM, Percentage, PromotionContent
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

# Category: prefix of the sku, materials, kinds of product with lowest and highest price in euros, and grams.
GOODS: dict[str, tuple[str, list[str], dict[str, tuple[int, int, int]]]] = {
    "lighting": (
        "LGT",
        ["oak", "brass", "linen", "opal glass", "black steel"],
        {
            "desk lamp": (39, 129, 1800),
            "floor lamp": (79, 249, 6500),
            "pendant": (59, 199, 2400),
            "bedside lamp": (29, 89, 1200),
        },
    ),
    "kitchen": (
        "KIT",
        ["stoneware", "cast iron", "beech", "enamel", "stainless steel"],
        {
            "mug": (9, 19, 350),
            "casserole": (49, 179, 4200),
            "chopping board": (19, 59, 1500),
            "kettle": (35, 95, 1300),
        },
    ),
    "textiles": (
        "TEX",
        ["linen", "merino", "organic cotton", "waffle", "washed velvet"],
        {
            "throw": (39, 149, 900),
            "cushion": (19, 59, 600),
            "bath towel": (15, 45, 500),
            "bed linen": (59, 189, 1600),
        },
    ),
    "hiking": (
        "HIK",
        ["ultralight", "waxed canvas", "ripstop", "recycled", "alpine"],
        {
            "backpack": (59, 219, 1100),
            "rain jacket": (79, 289, 450),
            "trekking poles": (35, 139, 520),
            "bottle": (12, 35, 250),
        },
    ),
    "cycling": (
        "CYC",
        ["city", "touring", "gravel", "reflective", "waterproof"],
        {
            "helmet": (39, 159, 400),
            "pannier": (45, 129, 950),
            "light set": (19, 89, 200),
            "multitool": (15, 49, 180),
        },
    ),
    "office": (
        "OFF",
        ["walnut", "felt", "recycled", "aluminium", "cork"],
        {
            "desk mat": (19, 59, 700),
            "notebook": (7, 24, 300),
            "monitor stand": (45, 149, 2800),
            "pen tray": (12, 39, 350),
        },
    ),
}
PER_CATEGORY = 11
SHIRT = "merino-shirt"


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
            low, high, grams = kinds[kind]
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
                weight_grams=grams,
            )
    yield from _variants()


def families() -> dict[str, FamilyContent]:
    """By slug."""
    return {
        SHIRT: FamilyContent(
            title="Merino shirt",
            description="Warm when it is cold, cool when it is not.",
            options=["size", "colour"],
        )
    }


def _variants() -> Iterator[NewProduct]:
    chance = random.Random(SEED + 2)
    for number, (size, colour) in enumerate(product(["S", "M", "L"], ["navy", "moss"]), start=1):
        yield NewProduct(
            id=_id(chance),
            sku=f"SHI-{number:04}",
            slug=f"{SHIRT}-{size.lower()}-{colour}",
            title=f"Merino shirt, {size}, {colour}",
            description="Merino shirt, from our hiking range.",
            category="hiking",
            attributes={"material": "merino", "kind": "shirt"},
            price=Money(amount=6900, currency=CURRENCY),
            weight_grams=190,
            family=SHIRT,
            options={"size": size, "colour": colour},
        )


def relations() -> dict[UUID, Relations]:
    """By product: up to three of the same kind, and for a backpack the bottles."""
    kinds: dict[str, list[UUID]] = {}
    for each in products():
        assert each.id is not None
        kinds.setdefault(each.attributes["kind"], []).append(each.id)
    related: dict[UUID, Relations] = {}
    for kind, ids in kinds.items():
        for id in ids if kind != "shirt" else []:
            similar = [Relation(kind="similar", product_id=other) for other in ids if other != id][:3]
            bottles = kinds.get("bottle", []) if kind == "backpack" else []
            accessories = [Relation(kind="accessory", product_id=bottle) for bottle in bottles]
            if found := accessories + similar:
                related[id] = Relations(relations=found)
    return related


def promotions() -> dict[UUID, PromotionContent]:
    """By id."""
    mugs = [each.id for each in products() if each.attributes["kind"] == "mug" and each.id]
    return {
        UUID("019b77e0-0000-7000-8000-00000000000a"): PromotionContent(
            title="Three mugs for two", rule=NForM(take=3, pay=2), products=mugs
        ),
        UUID("019b77e0-0000-7000-8000-00000000000b"): PromotionContent(
            title="15 % off all cycling", rule=Percentage(percent=15), categories=["cycling"]
        ),
        UUID("019b77e0-0000-7000-8000-00000000000c"): PromotionContent(
            title="Helmets: 20 euros off, with nothing else",
            rule=AmountOff(amount=Money(amount=2000, currency=CURRENCY), per="piece"),
            products=[each.id for each in products() if each.attributes["kind"] == "helmet" and each.id],
            exclusive=True,
        ),
    }


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
        "FIRST100": CouponContent(
            title="20 % off textiles, for a hundred orders",
            rule=Percentage(percent=20),
            categories=["textiles"],
            limit=100,
            exclusive=True,
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
    for number, each in enumerate(products()):
        assert each.id is not None
        for code in warehouses() if number % 2 else ("rotterdam",):
            on_hand = chance.randint(20, 120)
            yield code, each.id, InitialStock(on_hand=on_hand, reorder_point=10, reorder_quantity=50)


def _id(chance: random.Random) -> UUID:
    """A UUIDv7 (RFC 9562, section 5.7) whose random bits come from the seed."""
    milliseconds = EPOCH_MS + chance.randrange(600_000)
    return UUID(
        int=milliseconds << 80 | 7 << 76 | chance.getrandbits(12) << 64 | 2 << 62 | chance.getrandbits(62)
    )
