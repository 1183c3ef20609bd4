"""The model as the service makes and serves it: trained, written, read again, ranked by its functions."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
from shop_recommendation.artefact import decode, encode
from shop_recommendation.content import Features
from shop_recommendation.ranking import Kind, Model, Seen, signals, suggest
from shop_recommendation.training.build import Plan, build
from shop_recommendation.training.log import CART, ORDER, VIEW, Goods, Log, Material

from shop_bench.recommendation.cases import Case, Known
from shop_bench.shoppers.sessions import BOUGHT, CARTED, LOOKED, Happening
from shop_bench.shoppers.world import World

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
KINDS: dict[str, tuple[int, Kind]] = {
    LOOKED: (VIEW, "view"),
    CARTED: (CART, "cart"),
    BOUGHT: (ORDER, "order"),
}


class Ours:
    """What shoppers get."""

    def __init__(self, name: str = "model", plan: Plan | None = None) -> None:
        self.name = name
        self._plan = plan or Plan()
        self.bytes = 0
        """Of the model as it is stored."""

    def learn(self, known: Known) -> None:
        """Trains and stores a model."""
        world = known.story.world
        place = {product: number for number, product in enumerate(known.goods)}
        past = known.past
        log = Log(
            actor=np.array([each.person for each in past], np.int64),
            product=np.array([place[each.product] for each in past], np.int64),
            kind=np.array([KINDS[each.what][0] for each in past], np.int64),
            occasion=np.array([each.session for each in past], np.int64),
            at=np.array([BEGAN.timestamp() + each.at for each in past]),
        )
        goods = [Goods(id_of(product), described(world, product), True) for product in known.goods]
        shelves = world.scale.shelves
        tree = {f"shelf-{each}": f"department-{each // shelves}" for each in set(world.shelf.tolist())}
        parents = dict.fromkeys(tree.values()) | tree
        material = Material(log, goods, parents, BEGAN.timestamp() + known.now)
        stored = encode(build(material, self._plan))
        self.bytes = len(stored)
        self._model = Model(decode(stored))

    def ten(self, case: Case) -> Sequence[int]:
        """As `GET /recommendations?slot=home` ranks them."""
        history = [_seen(each) for each in reversed([*case.before[-60:], *case.session])]
        now = BEGAN + timedelta(seconds=case.now)
        known = signals(history[:60], [], now)
        leave_out = {id_of(product) for product in case.seen}
        return [each.product.int for each in suggest(self._model, known, "home", leave_out, 10)]


def described(world: World, product: int) -> Features:
    """As catalog would: what it says of styles is wrong now and then."""
    attributes = {
        "brand": f"brand-{world.brand[product]}",
        "style": f"style-{world.said_style[product]}",
        "colour": f"colour-{world.colour[product]}",
    }
    cents = int(2000 * np.exp(world.price[product]))
    return Features.of(f"shelf-{world.shelf[product]}", attributes, cents, "EUR")


def id_of(product: int) -> UUID:
    """A name for it."""
    return UUID(int=product)


def _seen(each: Happening) -> Seen:
    return Seen(id_of(each.product), KINDS[each.what][1], BEGAN + timedelta(seconds=each.at))
