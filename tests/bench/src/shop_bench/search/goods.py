"""Products and known-item queries from a seed: plausible words, known right answers.

A known-item query is three to five words that somebody remembers of a title, enough to tell it from all
others; every other query has one typo.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from uuid import UUID

from shop_contracts.catalog.api import Category, Product
from shop_contracts.money import Money

MADE = datetime(2026, 1, 1, tzinfo=UTC)

KINDS = {
    "furniture": (
        "chair table desk shelf sofa bed stool bench wardrobe cabinet armchair sideboard bookcase ottoman"
    ),
    "lighting": "lamp lantern chandelier spotlight bulb sconce floodlight candle torch",
    "kitchen": (
        "kettle toaster blender saucepan knife whisk grater colander teapot mug bowl plate casserole grinder"
    ),
    "clothing": (
        "shirt jacket jumper trousers dress skirt coat scarf gloves hat socks cardigan hoodie raincoat"
    ),
    "shoes": "sneakers boots sandals loafers slippers trainers clogs brogues",
    "electronics": (
        "headphones speaker keyboard monitor charger tablet camera printer router microphone projector"
    ),
    "garden": "shovel rake hose planter mower trellis wheelbarrow hammock parasol barbecue birdhouse",
    "sports": ("bicycle racket dumbbell helmet tent rucksack kayak skateboard yoga-mat treadmill snorkel"),
    "toys": "puzzle doll robot kite blocks marbles teddy-bear train-set scooter drum",
    "office": "notebook pen stapler binder envelope calculator whiteboard scissors planner inkwell",
    "bathroom": ("towel bathrobe mirror shower-head basket soap-dish curtain scales toothbrush hairdryer"),
    "tools": "drill hammer screwdriver wrench saw pliers sander chisel ladder toolbox multimeter",
}
WORDS = {
    "adjective": (
        "compact foldable ergonomic classic modern rustic vintage portable wireless waterproof "
        "adjustable lightweight heavy-duty slim deluxe organic handmade minimalist industrial retro "
        "stackable magnetic rechargeable quiet insulated reversible padded breathable extendable curved "
        "tall wide mini travel outdoor"
    ),
    "material": (
        "oak walnut pine beech bamboo steel aluminium brass copper ceramic porcelain glass marble "
        "leather suede linen cotton wool merino velvet denim nylon silicone rattan cork concrete "
        "titanium carbon"
    ),
    "colour": (
        "black white grey navy blue teal green olive yellow mustard orange red burgundy pink purple "
        "brown beige cream"
    ),
}
SIZES = (
    "small",
    "medium",
    "large",
    "extra large",
    "40 cm",
    "60 cm",
    "80 cm",
    "120 cm",
    "set of 2",
    "set of 4",
)
SENTENCES = (
    "Made of {material} and built to last for many years of daily use.",
    "The {adjective} design fits into every home, and the {colour} finish is easy to clean.",
    "A {kind} for people who care about details, with a warranty of {number} years.",
    "Comes with instructions, spare parts and everything that you need to begin.",
    "Its {adjective} shape saves space; it weighs only {number} kilograms.",
    "Customers combine it with our {other} from the same series.",
    "Tested by an independent laboratory and packed without plastic.",
    "The {material} parts come from certified sources and are put together by hand.",
)
ONSETS = "b br c cl d dr f fl g gr h j k l m n p pr qu r s sk st t tr v w"
VOWELS = "a e i o u ai ea oo"
ENDS = ("", "", "n", "r", "l", "s", "x", "nd", "rt", "m")


@dataclass(frozen=True)
class Query:
    """What somebody types, and the product that they mean."""

    text: str
    product: UUID
    typo: bool


def categories() -> list[Category]:
    """Two levels."""
    return [
        Category(slug=name, title=name.capitalize(), parent=parent)
        for top, kinds in KINDS.items()
        for name, parent in [(top, None), *((kind, top) for kind in kinds.split())]
    ]


def products(count: int, seed: int = 1) -> Iterator[Product]:
    """The same for the same seed; the first ones are those of a smaller count."""
    rng = random.Random(seed)
    brands = sorted({_name(rng, 2).capitalize() for _ in range(450)})[:400]
    series = sorted({_name(rng, rng.choice((2, 2, 3))).capitalize() for _ in range(5000)})
    kinds = [kind for each in KINDS.values() for kind in each.split()]
    choices = {name: some.split() for name, some in WORDS.items()}
    for number in range(count):
        brand, kind = rng.choice(brands), rng.choice(kinds)
        words = {name: rng.choice(some) for name, some in choices.items()} | {"kind": kind.replace("-", " ")}
        size = rng.choice(SIZES)
        middle = [words[name] for name in choices if rng.random() < 0.6]
        title = [brand, rng.choice(series), *middle, words["kind"], *([size] if rng.random() < 0.3 else [])]
        text = " ".join(rng.sample(SENTENCES, rng.randint(2, 5)))
        yield Product(
            id=UUID(int=rng.getrandbits(128), version=4),
            sku=f"{kind[:3].upper()}-{number:06}",
            slug=f"product-{number}",
            title=" ".join(title),
            description=text.format(**words, number=rng.randint(2, 9), other=rng.choice(kinds)),
            category=kind,
            attributes={
                "brand": brand,
                "colour": words["colour"],
                "material": words["material"],
                "size": size,
            },
            price=Money(amount=rng.randint(300, 80_000), currency="EUR"),
            version=1,
            updated_at=MADE,
        )


def queries(goods: Sequence[Product], count: int, seed: int = 2) -> list[Query]:
    """Every other one with a typo."""
    rng = random.Random(seed)
    having: dict[str, set[int]] = defaultdict(set)
    for number, product in enumerate(goods):
        for word in product.title.lower().split():
            having[word].add(number)
    found: list[Query] = []
    while len(found) < count:
        number = rng.randrange(len(goods))
        words = goods[number].title.lower().split()
        ways = [
            chosen
            for length in range(3, 6)
            for chosen in combinations(dict.fromkeys(words), length)
            if set.intersection(*(having[word] for word in chosen)) == {number}
        ]
        if not ways:
            continue
        chosen = list(rng.choice(ways))
        typo = len(found) % 2 == 1
        if typo:
            places = [at for at, word in enumerate(chosen) if len(word) >= 4 and word.isalpha()]
            if not places:
                continue
            at = rng.choice(places)
            chosen[at] = misspelt(chosen[at], rng)
        found.append(Query(" ".join(chosen), goods[number].id, typo))
    return found


def misspelt(word: str, rng: random.Random) -> str:
    """With one letter more, less, other, or two swapped: another word than before."""
    while True:
        at = rng.randrange(len(word))
        letter = rng.choice("abcdefghijklmnopqrstuvwxyz")
        swapped = word[:at] + word[at + 1 : at + 2] + word[at] + word[at + 2 :]
        ways = (
            word[:at] + word[at + 1 :],
            word[:at] + letter + word[at:],
            word[:at] + letter + word[at + 1 :],
        )
        if (wrong := rng.choice((*ways, swapped))) != word:
            return wrong


def common_words(goods: Sequence[Product], count: int) -> list[str]:
    """Those of most titles."""
    words = Counter(word for product in goods for word in product.title.lower().split() if word.isalpha())
    return [word for word, _ in words.most_common(count)]


def _name(rng: random.Random, syllables: int) -> str:
    letters = (ONSETS.split(), VOWELS.split(), ENDS)
    return "".join(rng.choice(some) for _ in range(syllables) for some in letters)
