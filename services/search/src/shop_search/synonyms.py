"""Words that mean the same."""

from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from shop_chassis.settings import SettingsError

from shop_search.text import plain_words

Phrase = tuple[str, ...]
"""Plain words in their order."""
LONGEST = 4
"""Words of a phrase."""


class Synonyms:
    """What else each phrase may be called."""

    def __init__(self, others: Mapping[Phrase, Sequence[Phrase]]) -> None:
        self._others = others
        self.longest = max(map(len, others), default=1)
        """Words of the longest phrase that has any."""

    def of(self, phrase: Phrase) -> Sequence[Phrase]:
        """In the order of the file, the phrase itself left out."""
        return self._others.get(phrase, ())


def load(file: Path | None) -> Synonyms:
    """From a file, or the package's own. Raises SettingsError, which names the line."""
    source = file or files("shop_search") / "synonyms.txt"
    try:
        return parse(source.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise SettingsError(f"SYNONYMS: {source}: {error}") from error


def parse(lines: Iterable[str]) -> Synonyms:
    """Raises ValueError for a line that is none."""
    others: dict[Phrase, dict[Phrase, None]] = {}
    for number, line in enumerate(lines, 1):
        rule = line.partition("#")[0].strip()
        if not rule:
            continue
        left, arrow, right = rule.partition("=>")
        sources = _phrases(left, number)
        targets = _phrases(right, number) if arrow else sources
        if not arrow and len(sources) < 2:
            raise ValueError(f"line {number}: expected `a, b` or `a => b`, found {rule!r}")
        for source in sources:
            others.setdefault(source, {}).update((target, None) for target in targets if target != source)
    return Synonyms({source: tuple(targets) for source, targets in others.items() if targets})


def _phrases(text: str, number: int) -> list[Phrase]:
    phrases = [tuple(plain_words(part)) for part in text.split(",")]
    if not all(0 < len(phrase) <= LONGEST for phrase in phrases):
        raise ValueError(f"line {number}: expected phrases of one to {LONGEST} words, found {text.strip()!r}")
    return phrases
