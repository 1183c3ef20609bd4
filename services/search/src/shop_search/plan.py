"""What a query means: for each of its words the ways in which a product may have it.

    strict    every word as asked, by another form or a synonym; a word that no product has: by a typo
    tolerant  if nothing was found: typos in the other words too, and the last one perhaps only begun
    loose     if still nothing was found: most of the words will do

Which of them, and what each word weighs, depends on the query and the index alone, not on filters. A cursor
carries it all to the next page, so that both pages are ranked alike.
"""

from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import groupby
from math import log2
from typing import NamedTuple, Protocol

from shop_search.synonyms import Phrase, Synonyms
from shop_search.text import distance, edits_allowed, is_stop_word, plain_words, respelled

MAX_WORDS = 12
"""Of a query that are looked at."""
MAX_TYPOS = 3
"""Words that one misspelt word may mean."""
LOOKED_AT = 16
"""Candidates for them whose use is counted."""
COMPLETIONS = 8
LEVELS = 8
"""How much a word may weigh: the rarer the more."""


class Kind(IntEnum):
    """How a product may have a word; the value is what that counts, of 16."""

    FAR = 5
    """Two typos."""
    TYPO = 8
    BEGUN = 9
    """It begins so."""
    SYNONYM = 10
    RESPELLED = 13
    """`ae` for `ä`."""
    ASKED = 16


class Option(NamedTuple):
    """One way."""

    words: Phrase
    kind: Kind


class Slot(NamedTuple):
    """A word of the query, or a phrase that has synonyms."""

    asked: Phrase
    options: tuple[Option, ...]
    """Those that products have; without any the slot finds nothing."""
    level: int
    """1 to LEVELS."""


class Plan(NamedTuple):
    """What to look for."""

    slots: tuple[Slot, ...]
    required: int
    """How many of them a product must have."""


class Corpus(Protocol):
    """What there is to find."""

    def size(self) -> int:
        """Products."""

    def uses(self, phrases: Sequence[Phrase]) -> int:
        """Products that have one of these, all of its words in one place, in whatever form."""

    def near(self, word: str, edits: int) -> Sequence[str]:
        """Words that are or were in use, at most so many typos away."""

    def beginning(self, word: str, limit: int) -> Sequence[str]:
        """Words of titles that begin so, those of most products first."""


def plans(query: str, corpus: Corpus, synonyms: Synonyms) -> Iterator[Plan]:
    """How to look for it: each is for when those before find nothing. None where it has no words."""
    words = words_of(query)
    if not words:
        return
    phrases = _phrases(words, synonyms)
    yield _plan([_slot(each, corpus, synonyms) for each in phrases])
    tolerant = [_slot(each, corpus, synonyms, tolerant=True, begun=each is phrases[-1]) for each in phrases]
    for required in range(len(tolerant), 0, -1):
        yield Plan(tuple(tolerant), required)


def words_of(query: str) -> list[str]:
    """Its plain words, each once; stop words only if there are no others."""
    words = list(dict.fromkeys(plain_words(query)))
    return ([word for word in words if not is_stop_word(word)] or words)[:MAX_WORDS]


def _plan(slots: Sequence[Slot]) -> Plan:
    return Plan(tuple(slots), len(slots))


def _phrases(words: Sequence[str], synonyms: Synonyms) -> list[Phrase]:
    """The longest phrases that have synonyms, and single words for the rest."""
    found: list[Phrase] = []
    at = 0
    while at < len(words):
        longest = range(min(synonyms.longest, len(words) - at), 1, -1)
        length = next((n for n in longest if synonyms.of(tuple(words[at : at + n]))), 1)
        found.append(tuple(words[at : at + length]))
        at += length
    return found


def _slot(
    asked: Phrase, corpus: Corpus, synonyms: Synonyms, *, tolerant: bool = False, begun: bool = False
) -> Slot:
    options = [Option(asked, Kind.ASKED)]
    if len(asked) == 1 and (other := respelled(asked[0])):
        options.append(Option((other,), Kind.RESPELLED))
    options += [Option(phrase, Kind.SYNONYM) for phrase in synonyms.of(asked)]
    counted = {each: corpus.uses([each.words]) for each in options}
    options = [each for each, uses in counted.items() if uses]
    if len(asked) == 1 and (tolerant or not options):
        if begun or (not options and tolerant):
            ends = corpus.beginning(asked[0], COMPLETIONS)
            options += [Option((word,), Kind.BEGUN) for word in ends if word != asked[0]]
        known = {each.words for each in options}
        options += [each for each in _typos(asked[0], corpus) if each.words not in known]
    if len(options) > 1:
        uses = corpus.uses([each.words for each in options])
    else:
        uses = sum(counted.get(each, 0) for each in options)
    return Slot(asked, tuple(options), level_of(uses, corpus.size()))


def level_of(uses: int, size: int) -> int:
    """What a word weighs that so many of the products have: inverse document frequency, in whole steps.

    Whole numbers, so that a change of one product rarely changes the weight of a word for all.
    """
    return max(1, min(LEVELS, round(log2((size + 1) / (uses + 1)))))


def _typos(word: str, corpus: Corpus) -> list[Option]:
    """What may have been meant, the likeliest first: the nearest, and the first letter is seldom wrong."""
    edits = edits_allowed(word)
    if not edits:
        return []
    candidates = sorted(
        (distance(word, other), other[0] != word[0], abs(len(other) - len(word)), other)
        for other in corpus.near(word, edits)
        if other != word
    )
    for far, group in groupby(candidates, key=lambda each: each[0]):
        counted = [(each[1], -corpus.uses([(each[3],)]), each[3]) for each in [*group][:LOOKED_AT]]
        used = sorted(each for each in counted if each[1])
        if used:
            return [Option((each[2],), Kind.TYPO if far == 1 else Kind.FAR) for each in used[:MAX_TYPOS]]
    return []
