"""Words: how a text is taken apart, and what forms of a word count as the same.

Three forms of each word are compared: as written, without case and accents (`Möbel` is `mobel`, `ß` is `ss`);
its stem in English; its stem in German (Snowball, https://snowballstem.org). The index has a field for each,
and both sides use these analysers.
"""

import re
import unicodedata
from functools import cache, lru_cache
from typing import NamedTuple

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

LONGEST = 40
"""Letters of a word; longer ones are no words."""
PLAIN, ENGLISH, GERMAN = "plain", "english", "german"
"""Names of the analysers in the index."""

_WORD = re.compile(r"[^\W_]+")
_SPELLED_OUT = re.compile(r"(?<=[aou])e")
_STOP = frozenset(
    [
        *("a", "an", "and", "at", "by", "for", "from", "in", "is", "of", "on", "or", "the", "to", "with"),
        *(
            "am",
            "auf",
            "aus",
            "bei",
            "das",
            "dem",
            "den",
            "der",
            "des",
            "die",
            "ein",
            "eine",
            "einem",
            "einen",
        ),
        *("einer", "fur", "im", "mit", "oder", "und", "vom", "von", "zu", "zum", "zur"),
    ]
)
"""Of both languages, as plain words: a query means no less without them."""


class Forms(NamedTuple):
    """One word in the ways in which it is compared."""

    plain: str
    english: str
    german: str


class Token(NamedTuple):
    """A word of a text and where it stands."""

    text: str
    start: int
    end: int


def analyser(name: str) -> TextAnalyzer:
    """Cuts a text into words of that form. A new one: the index takes it over."""
    build = (
        TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.remove_long(LONGEST)).filter(Filter.lowercase())
    )
    if name != PLAIN:
        build = build.filter(Filter.stemmer(name))  # knows umlauts, so it comes before they go
    return build.filter(Filter.ascii_fold()).build()


def normal(text: str) -> str:
    """An umlaut is one character (NFC), or it would end its word."""
    return unicodedata.normalize("NFC", text)


def tokens(text: str) -> list[Token]:
    """The words of a normal text, as written."""
    return [Token(found[0], found.start(), found.end()) for found in _WORD.finditer(text)]


def plain_words(text: str) -> list[str]:
    """The words of a text in their plain form."""
    words: list[str] = _analysers()[PLAIN].analyze(normal(text))
    return words


@lru_cache(maxsize=50_000)
def forms(word: str) -> Forms | None:
    """Of one word as written; None for what is none."""
    found = [_analysers()[name].analyze(normal(word)) for name in (PLAIN, ENGLISH, GERMAN)]
    return Forms(*(words[0] for words in found)) if all(len(words) == 1 for words in found) else None


def respelled(word: str) -> str | None:
    """`stuehle` as `stuhle`, which is what `Stühle` is without its dots; None when it has no such letters."""
    shorter = _SPELLED_OUT.sub("", word)
    return shorter if shorter != word else None


def is_stop_word(plain: str) -> bool:
    """Whether it says nothing about a product."""
    return plain in _STOP


def edits_allowed(word: str) -> int:
    """Typos that a plain word may have: one from 4 letters, two from 8; none in numbers, which are meant."""
    if len(word) < 4 or any(letter.isdigit() for letter in word):
        return 0
    return 1 if len(word) < 8 else 2


def distance(one: str, other: str) -> int:
    """Letters inserted, left out, replaced, or swapped with the next (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, b in enumerate(other, 1):
            least = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                least = min(least, last[j - 2] + 1)
            row.append(least)
    return row[-1]


@cache
def _analysers() -> dict[str, TextAnalyzer]:
    return {name: analyser(name) for name in (PLAIN, ENGLISH, GERMAN)}
