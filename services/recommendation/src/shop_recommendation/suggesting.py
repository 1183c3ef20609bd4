"""Answers: the model's suggestions with what is known here of products and shoppers."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

from shop_chassis.tables import utc_now
from shop_contracts.recommendation import api

from shop_recommendation.history import History
from shop_recommendation.ranking import (
    NOTHING,
    Kind,
    Seen,
    Signal,
    Suggestion,
    below_one_another,
    of_session,
    signals,
    suggest,
)
from shop_recommendation.serving import Serving
from shop_recommendation.shelf import Shelf
from shop_recommendation.tables import Product

SPARE = 40
"""Suggestions that may turn out not to be sold any more, or to be of a family that is there already."""
ALIKE = 12
"""Products that stand in for one that the model does not know."""
STRANGERS = 3
"""Of those so many are looked up, at most: the last ones."""
NEW_FOR = timedelta(days=14)
BOUGHT_FOR = timedelta(days=60)
"""So long what somebody bought is not suggested to them again."""
EACH_NEW = 6
"""One place in so many is for a product that came after the model was made."""
COUNTED_SECONDS = 30.0
"""How long a count of what is popular is good, while there is no model."""
COUNTED_DAYS = 14


class Suggestions:
    """What the routes answer with."""

    def __init__(self, serving: Serving, history: History, shelf: Shelf) -> None:
        self._serving = serving
        self._history = history
        self._shelf = shelf
        self._counted: tuple[float, list[tuple[UUID, float]]] = (0.0, [])

    async def recommend(
        self, actor: str | None, slot: api.Slot, here: Sequence[UUID], limit: int
    ) -> api.Recommendations:
        """For a shopper, or for anybody, at a place of the shop."""
        now = utc_now()
        history = await self._history.recent(actor) if actor else []
        left_out = {*here, *_bought(history, now - BOUGHT_FOR)}
        left_out |= {seen.product for seen in of_session(history, now)}
        known = await self._with_stand_ins(signals(history, here, now))
        most = limit + SPARE
        loaded = self._serving.now
        found = suggest(loaded.model if loaded else NOTHING, known, slot, left_out, most)
        if loaded is None:
            found += [each for each in await self._counted_popular() if each.product not in left_out]
        about = await self._shelf.find({*_named(found), *here, *(each.product for each in known)})
        shown = _shown(found, about, here)[:limit]
        new = await self._new(known, about, {*left_out, *_named(shown)}, limit - len(shown), limit)
        if new:
            shown = below_one_another([*shown[: limit - len(new)], *new])
        return self._answer(shown, about)

    async def similar(self, product: UUID, limit: int) -> api.Recommendations:
        """What could be taken instead; by content alone for one that the model does not know."""
        found: list[tuple[UUID, float]] = []
        if (loaded := self._serving.now) is not None:
            content = loaded.model.content
            if (number := content.number_of.get(product)) is not None:
                found = [(content.products[item], weight) for item, weight in content.similar.row(number)]
        if not found and (own := (await self._shelf.find([product])).get(product)) is not None:
            found = await self._shelf.alike(own, limit + SPARE)
        return await self._because(found, "similar", product, limit)

    async def together(self, product: UUID, limit: int) -> api.Recommendations:
        """What at least two shoppers bought with it."""
        found: list[tuple[UUID, float]] = []
        if (loaded := self._serving.now) is not None:
            content = loaded.model.content
            if (number := content.number_of.get(product)) is not None:
                found = [(content.products[item], weight) for item, weight in content.together.row(number)]
        return await self._because(found, "bought_together", product, limit)

    async def popular(self, category: str | None, limit: int) -> api.Recommendations:
        """What most shoppers look at and buy now; then what is new."""
        if (loaded := self._serving.now) is not None:
            most = limit + SPARE
            pairs = loaded.model.popular_in([category], most) if category else loaded.model.popular[:most]
            found = [Suggestion(product, weight, "popular") for product, weight in pairs]
        else:
            found = await self._counted_popular()
        about = await self._shelf.find(_named(found))
        below = await self._shelf.below(category) if category else []
        if category and self._serving.now is None:
            found = [
                each for each in found if each.product in about and about[each.product].category in below
            ]
        shown = _shown(found, about)[:limit]
        if len(shown) < limit:
            newest = await self._shelf.newest(below, limit + len(shown))
            shown += _as_new(newest, _named(shown), about)
        return self._answer(below_one_another(shown[:limit]), about)

    async def viewed(self, actor: str | None, limit: int) -> api.RecentlyViewed:
        """What a shopper looked at."""
        found = await self._history.viewed(actor, limit + SPARE) if actor else []
        about = await self._shelf.find({product for product, _ in found})
        items = [
            api.Viewed(product_id=product, title=about[product].title, viewed_at=at)
            for product, at in found
            if product in about and about[product].active
        ]
        return api.RecentlyViewed(items=items[:limit])

    async def _with_stand_ins(self, known: Sequence[Signal]) -> list[Signal]:
        """For products that came after the model, or are hardly known: those that are like them."""
        model = self._serving.now.model.content.number_of if self._serving.now else {}
        strangers = [signal.product for signal in known if signal.product not in model][:STRANGERS]
        about = await self._shelf.find(strangers)
        alike = {id: await self._shelf.alike(row, ALIKE) for id, row in about.items()}
        return [replace(signal, alike=alike.get(signal.product, ())) for signal in known]

    async def _new(
        self,
        known: Sequence[Signal],
        about: dict[UUID, Product],
        but: Collection[UUID],
        missing: int,
        limit: int,
    ) -> list[Suggestion]:
        """What came after the model was made, on some of the last places; anything new on those left over."""
        of_interest = list(
            dict.fromkeys(about[each.product].category for each in known if each.product in about)
        )
        places = limit // EACH_NEW
        found: list[Suggestion] = []
        if (loaded := self._serving.now) is not None and places and of_interest:
            since = utc_now() - NEW_FOR
            arrived = await self._shelf.arrived(loaded.about.trained_at)
            later = [each for each in arrived if each.category in of_interest and each.known_at > since]
            found = _as_new(later, but, about)[:places]
            about = about | {each.id: each for each in later}
        room = max(len(found), missing)
        if room > len(found) and of_interest:
            newest = await self._shelf.newest(of_interest, room + len(but))
            found += _as_new(newest, {*but, *_named(found)}, about)
            about = about | {each.id: each for each in newest}
        if room > len(found):
            newest = await self._shelf.newest([], room + len(but))
            found += _as_new(newest, {*but, *_named(found)}, about)
        return found[:room]

    async def _because(
        self, found: Sequence[tuple[UUID, float]], why: api.Why, product: UUID, limit: int
    ) -> api.Recommendations:
        suggestions = [Suggestion(each, weight, why, product) for each, weight in found]
        about = await self._shelf.find({*_named(suggestions), product})
        return self._answer(_shown(suggestions, about, [product])[:limit], about)

    async def _counted_popular(self) -> list[Suggestion]:
        """Without a model: a plain count, which is remembered for a while."""
        until, found = self._counted
        if monotonic() > until:
            found = await self._history.popular(utc_now() - timedelta(days=COUNTED_DAYS), 200)
            self._counted = monotonic() + COUNTED_SECONDS, found
        return [Suggestion(product, weight, "popular") for product, weight in found]

    def _answer(self, shown: Iterable[Suggestion], about: dict[UUID, Product]) -> api.Recommendations:
        items = []
        for each in shown:
            named = about.get(each.because) if each.because else None
            reason = api.Reason(kind=each.why, product_id=each.because, title=named.title if named else None)
            items.append(api.Recommendation(product_id=each.product, reason=reason, score=each.score))
        loaded = self._serving.now
        return api.Recommendations(items=items, model=loaded.about.version if loaded else None)


def _bought(history: Iterable[Seen], since: datetime) -> set[UUID]:
    done: Kind = "order"
    return {seen.product for seen in history if seen.kind == done and seen.at > since}


def _named(suggestions: Iterable[Suggestion]) -> set[UUID]:
    return {each.product for each in suggestions}


def _families(products: Iterable[UUID], about: Mapping[UUID, Product]) -> set[str]:
    named = (about[id].family for id in products if id in about)
    return {family for family in named if family is not None}


def _shown(
    suggestions: Iterable[Suggestion], about: Mapping[UUID, Product], here: Iterable[UUID] = ()
) -> list[Suggestion]:
    """What is sold; of each family of variants the first, and none of those that are here already."""
    found: list[Suggestion] = []
    families = _families(here, about)
    for each in suggestions:
        product = about.get(each.product)
        if product is not None and product.active and product.family not in families:
            found.append(each)
            families |= _families([product.id], about)
    return found


def _as_new(
    products: Iterable[Product], but: Collection[UUID], about: Mapping[UUID, Product]
) -> list[Suggestion]:
    """Newest first, without some and their families."""
    own = {product.id: product for product in products if product.id not in but}
    suggestions = [Suggestion(id, 1 / (place + 1), "new") for place, id in enumerate(own)]
    return _shown(suggestions, {**about, **own}, but)
