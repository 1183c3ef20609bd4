"""The demo catalogue: goods of several makers, put together by chance from a fixed seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain, cycle, product
from uuid import UUID

from shop_contracts.catalog.api import Category, FamilyContent, NewProduct, Relation, Relations
from shop_contracts.money import Money

from shop.demo.colours import Finish
from shop.demo.goods import ACCESSORIES, BRANDS, KINDS, SHIRT, SHIRT_FINISHES, SHIRT_SIZES, TREE, Brand, Kind

SEED = 20261121
CURRENCY = "EUR"
PER_KIND = 12
EPOCH_MS = 1_767_225_600_000
"""The ids are UUIDv7 of the first minutes of 2026."""
FAMILY = "merino-shirt"
SIMILAR = 3
A_FEW = len(KINDS) + len(SHIRT_FINISHES) * len(SHIRT_SIZES)
"""Products that show all there is: one of each kind, and the shirts."""


@dataclass(frozen=True)
class Look:
    """What a product's picture shows."""

    kind: Kind
    finish: Finish
    mirrored: bool = False
    """So that the same lamp of two makers is not the same picture."""

    @property
    def title(self) -> str:
        """In words."""
        return f"{self.kind.title}, {self.finish.title}"

    @property
    def top(self) -> str:
        """The category at the top of the tree."""
        return _above(self.kind.category)[-1]


@dataclass(frozen=True)
class Made:
    """A product and its look."""

    product: NewProduct
    look: Look


def categories() -> Iterator[Category]:
    """Parents first."""
    for position, (slug, (title, parent)) in enumerate(TREE.items()):
        yield Category(slug=slug, title=title, parent=parent, position=position)


def products(first: int | None = None) -> list[NewProduct]:
    """The same ones at each call: all, or so many of the `first`, which are of all kinds."""
    return [made.product for made in all_made()[:first]]


def families() -> dict[str, FamilyContent]:
    """By slug."""
    return {FAMILY: FamilyContent(title="Merino shirt", description=SHIRT.use, options=["size", "colour"])}


def relations() -> dict[UUID, Relations]:
    """By product: what is used along with it, and some of the same kind."""
    chance = random.Random(SEED + 3)
    kinds: dict[str, list[UUID]] = {}
    for each in products():
        assert each.id is not None
        kinds.setdefault(each.attributes["kind"], []).append(each.id)
    related: dict[UUID, Relations] = {}
    for kind, companion in ACCESSORIES.items():
        for id in kinds[kind]:
            fitting = [("accessory", other) for other in chance.sample(kinds[companion], 2)]
            alike = [("similar", other) for other in chance.sample(kinds[kind], SIMILAR + 1) if other != id]
            related[id] = Relations(
                relations=[Relation(kind=what, product_id=other) for what, other in fitting + alike[:SIMILAR]]
            )
    return related


@cache
def all_made() -> tuple[Made, ...]:
    """Every product with its look: one of each kind, the shirts, then the second of each kind and so on."""
    chance = random.Random(SEED)
    first, *rest = zip(*(_of(kind, chance) for kind in KINDS), strict=True)
    return (*first, *_shirts(chance), *chain.from_iterable(rest))


def _of(kind: Kind, chance: random.Random) -> Iterator[Made]:
    _, second, _ = _above(kind.category)
    makers = [brand for brand in BRANDS if second in brand.categories]
    offered = [(brand, series) for brand in makers for series in brand.series]
    chance.shuffle(offered)
    finishes = cycle(chance.sample(kind.finishes, len(kind.finishes)))
    taken: set[tuple[str, Finish]] = set()
    for brand, series in cycle(offered):
        finish = next(finishes)
        if (series, finish) in taken:
            finish = next(each for each in kind.finishes if (series, each) not in taken)
        taken.add((series, finish))
        number = len(taken)
        yield Made(
            _product(kind, brand, series, finish, number, chance),
            Look(kind, finish, mirrored=number > len(kind.finishes)),
        )
        if number == PER_KIND:
            return


def _product(
    kind: Kind, brand: Brand, series: str, finish: Finish, number: int, chance: random.Random
) -> NewProduct:
    title = f"{series} {kind.title}, {finish.title}"
    low, high = kind.price
    return NewProduct(
        id=_id(chance),
        sku=f"{_prefix(kind)}-{number:04}",
        slug=_slug(f"{brand.title} {title}"),
        title=title,
        description=f"{kind.use} {brand.promise}",
        category=kind.category,
        attributes={"brand": brand.title, "kind": kind.title, finish.attribute: finish.title},
        # Dear things are rarer than cheap ones.
        price=Money(
            amount=round(chance.triangular(low, high, low + (high - low) / 4)) * 100 - 10, currency=CURRENCY
        ),
        weight_grams=kind.grams,
    )


def _shirts(chance: random.Random) -> Iterator[Made]:
    for number, (finish, size) in enumerate(product(SHIRT_FINISHES, SHIRT_SIZES), start=1):
        yield Made(
            NewProduct(
                id=_id(chance),
                sku=f"{_prefix(SHIRT)}-{number:04}",
                slug=f"{FAMILY}-{size.lower()}-{finish.title}",
                title=f"Merino shirt, {size}, {finish.title}",
                description=SHIRT.use,
                category=SHIRT.category,
                attributes={"brand": "Moor & Field", "kind": SHIRT.title, "colour": finish.title},
                price=Money(amount=6900, currency=CURRENCY),
                weight_grams=SHIRT.grams,
                family=FAMILY,
                options={"size": size, "colour": finish.title},
            ),
            Look(SHIRT, finish),
        )


def _above(category: str) -> list[str]:
    """A category and those above it, the top one last."""
    path = [category]
    while (parent := TREE[path[-1]][1]) is not None:
        path.append(parent)
    return path


def _prefix(kind: Kind) -> str:
    return "".join(letter for letter in kind.title.upper() if letter.isalpha())[:9]


def _slug(text: str) -> str:
    words = "".join(letter if letter.isalnum() else " " for letter in text.lower().replace("'", ""))
    return "-".join(words.split())


def _id(chance: random.Random) -> UUID:
    """A UUIDv7 (RFC 9562, section 5.7) whose random bits come from the seed."""
    milliseconds = EPOCH_MS + chance.randrange(600_000)
    return UUID(
        int=milliseconds << 80 | 7 << 76 | chance.getrandbits(12) << 64 | 2 << 62 | chance.getrandbits(62)
    )
