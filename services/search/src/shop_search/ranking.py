"""What a plan finds in the index, and in which order: as queries of the engine.

Scores are whole numbers below 4096, so their sums are exact in the engine's 32 bits, in any order. They
depend on the present products alone. (The engine's own BM25 counts deleted ones until segments are merged,
which every replica does at another time: equal queries would be answered differently.)
"""

from collections.abc import Iterator, Sequence

from tantivy import Occur, Query, Schema

from shop_search.plan import Kind, Plan, Slot
from shop_search.schema import BODY, LENGTH_MOST, NAMES, STEMS, TITLE
from shop_search.synonyms import Phrase
from shop_search.text import forms
from shop_search.tree import Tree

FIELDS = {TITLE: 8, NAMES: 5, BODY: 2}
"""What a word counts there; the name of a category counts as brands do."""
STEMMED = {TITLE: 7.0, BODY: 1.75}
"""By another form of it."""
WORDS_MOST, SHORT_MOST, TOGETHER_MOST = 3600, 200, 240
"""Parts of a score: the words; a title with little else; words that stand together in it."""


class Ranking:
    """Queries for one schema and tree."""

    def __init__(self, schema: Schema, tree: Tree) -> None:
        self._schema = schema
        self._tree = tree

    def finding(self, phrases: Sequence[Phrase]) -> Query:
        """Products that have one of the phrases; all with the same score."""
        return _any([query for phrase in phrases for _, query in self._places(phrase)])

    def ranked(self, plan: Plan) -> Query:
        """Products that the plan finds, scored."""
        weight = WORDS_MOST / (sum(slot.level for slot in plan.slots) * FIELDS[TITLE] * Kind.ASKED)
        slots = [self._slot(slot, weight) for slot in plan.slots]
        if plan.required < len(slots):
            found = Query.boolean_query([(Occur.Should, slot) for slot in slots], plan.required)
            return Query.boolean_query([(Occur.Must, found), *self._bonuses(plan)])
        return Query.boolean_query([*((Occur.Must, slot) for slot in slots), *self._bonuses(plan)])

    def _slot(self, slot: Slot, weight: float) -> Query:
        scored = [
            Query.const_score_query(query, max(1, round(weight * slot.level * option.kind * counts)))
            for option in slot.options
            for counts, query in self._places(option.words)
        ]
        return Query.disjunction_max_query(scored) if scored else Query.empty_query()

    def _places(self, phrase: Phrase) -> Iterator[tuple[float, Query]]:
        """Where a product may have it, and what that counts."""
        words = [found for word in phrase if (found := forms(word))]
        if len(words) < len(phrase):
            return
        for field, counts in FIELDS.items():
            yield counts, self._terms(field, [word.plain for word in words])
        for field, stemmed in STEMMED.items():
            for language, suffix in STEMS.items():
                yield stemmed, self._terms(field + suffix, [getattr(word, language) for word in words])
        if named := self._tree.named(words):
            yield FIELDS[NAMES], Query.term_set_query(self._schema, "category", named)

    def _bonuses(self, plan: Plan) -> Iterator[tuple[Occur, Query]]:
        words = sum(len(slot.asked) for slot in plan.slots)
        lengths = range(words, min(words + 8, LENGTH_MOST + 1))
        for more, length in enumerate(lengths):
            exact = Query.term_query(self._schema, "length", length)
            yield Occur.Should, Query.const_score_query(exact, SHORT_MOST - 25 * more)
        pairs = [
            (before.options[0].words[-1], after.options[0].words[0])
            for before, after in zip(plan.slots, plan.slots[1:], strict=False)
            if before.options and after.options
        ]
        for pair in pairs:
            together = Query.phrase_query(self._schema, TITLE, list(pair))
            yield Occur.Should, Query.const_score_query(together, TOGETHER_MOST // len(pairs))

    def _terms(self, field: str, words: Sequence[str]) -> Query:
        queries = [Query.term_query(self._schema, field, word, "basic") for word in words]
        return (
            queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Must, each) for each in queries])
        )


def _any(queries: Sequence[Query]) -> Query:
    return Query.boolean_query([(Occur.Should, each) for each in queries]) if queries else Query.empty_query()
