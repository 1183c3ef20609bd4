"""Where a text has what was asked for."""

from collections.abc import Collection, Iterator

from shop_contracts.search.api import Highlights, Part

from shop_search.plan import Plan
from shop_search.text import LONGEST, Forms, Token, forms, tokens

SNIPPET = 160
"""Letters of a description that are shown, about."""


class Marker:
    """Marks what a plan looks for."""

    def __init__(self, plan: Plan) -> None:
        words = {word for slot in plan.slots for option in slot.options for word in option.words}
        self._wanted = {found for word in words if (found := forms(word))}
        self._known: Collection[str] = {form for each in self._wanted for form in each}

    def marks(self, title: str, description: str) -> Highlights:
        """Both texts in pieces."""
        return Highlights(title=_parts(title, self._found(title)), description=self._snippet(description))

    def _found(self, text: str) -> list[Token]:
        return [token for token in tokens(text) if self._matches(forms(token.text))]

    def _matches(self, word: Forms | None) -> bool:
        if word is None or not any(form in self._known for form in word):
            return False
        return any(any(a == b for a, b in zip(word, each, strict=True)) for each in self._wanted)

    def _snippet(self, text: str) -> list[Part]:
        found = self._found(text)
        if not found:
            return []
        start = max(0, found[0].start - SNIPPET // 3)
        if start:
            start = text.rfind(" ", max(0, start - LONGEST), start) + 1 or start
        end = start + SNIPPET
        if end < len(text):
            end = max(text.rfind(" ", start, end), found[0].end)
        within = [token._replace(start=token.start - start, end=token.end - start) for token in found]
        shown = text[start:end]
        return _parts(shown, [token for token in within if token.start >= 0 and token.end <= len(shown)])


def _parts(text: str, found: Collection[Token]) -> list[Part]:
    return [part for part in _pieces(text, found) if part.text]


def _pieces(text: str, found: Collection[Token]) -> Iterator[Part]:
    at = 0
    for token in found:
        yield Part(text=text[at : token.start])
        yield Part(text=text[token.start : token.end], match=True)
        at = token.end
    yield Part(text=text[at:])
