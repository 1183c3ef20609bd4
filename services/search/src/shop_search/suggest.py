"""What somebody may be about to type: the last word is perhaps only begun, and may have a typo already."""

from collections.abc import Sequence

from shop_contracts.search.api import Suggestion
from tantivy import Query

from shop_search.index import View
from shop_search.pages import page
from shop_search.plan import LEVELS, Kind, Option, Plan, Slot, plans
from shop_search.search import reader
from shop_search.synonyms import Synonyms
from shop_search.text import edits_allowed, plain_words

PHRASES_MOST, CATEGORIES_MOST = 3, 2
ENDS = 10
"""Ways for the last word to go on that are looked at."""


def suggest(view: View, synonyms: Synonyms, query: str, limit: int) -> list[Suggestion]:
    """Phrases and categories, then products; none for a query without words."""
    words = plain_words(query)
    if not words:
        return []
    *whole, begun = words
    before = next(plans(" ".join(whole), view, synonyms), None)
    ends = _ends(begun, before, view)
    found = [
        *_phrases(whole, ends, view),
        *_categories(whole, [begun, *ends], view),
    ]
    return [*found, *_products(before, ends, limit - len(found), view)][:limit]


def _ends(begun: str, before: Plan | None, view: View) -> list[str]:
    """Words of titles of products that also have the other words, those of most products first."""
    among = view.ranking.ranked(before) if before else Query.all_query()
    ends = [word for word, _ in view.completions(begun, ENDS, among)]
    if ends or not (edits := edits_allowed(begun)):
        return ends
    near = view.vocabulary.near(begun, min(edits, 1), begun=True)
    counted = ((view.uses([(word,)]), word) for word in near[:ENDS])
    return [word for uses, word in sorted(counted, key=lambda each: (-each[0], each[1])) if uses]


def _phrases(whole: Sequence[str], ends: Sequence[str], view: View) -> list[Suggestion]:
    shown = [view.vocabulary.shown(word) for word in whole]
    return [
        Suggestion(text=" ".join([*shown, view.vocabulary.shown(word)]), kind="phrase")
        for word in ends[:PHRASES_MOST]
    ]


def _categories(whole: Sequence[str], lasts: Sequence[str], view: View) -> list[Suggestion]:
    found = {each.slug: each for last in lasts for each in view.tree.beginning([*whole, last])}
    return [
        Suggestion(text=each.title, kind="category", slug=each.slug)
        for each in [*found.values()][:CATEGORIES_MOST]
    ]


def _products(before: Plan | None, ends: Sequence[str], limit: int, view: View) -> list[Suggestion]:
    if limit <= 0 or not ends:
        return []
    last = Slot((ends[0],), tuple(Option((word,), Kind.BEGUN) for word in ends), LEVELS)
    plan = Plan((*before.slots, last), before.required + 1) if before else Plan((last,), 1)
    hits = page(view.searcher, view.ranking.ranked(plan), None, limit, None, reader(view)).hits
    return [
        Suggestion(text=hit.product["title"], kind="product", slug=hit.product["slug"], product_id=hit.id)
        for hit in hits
    ]
