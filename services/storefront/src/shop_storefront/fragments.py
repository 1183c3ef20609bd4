"""Pieces of pages that are the same for everybody, kept as text until what they are made of changes."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from babel import Locale
from markupsafe import Markup

_MOST = 200


class Fragments:
    """By template and locale, the last text, and the very objects that it was made of.

    `Remembered` hands out one object until it has a newer one, so identity says whether anything has changed.
    """

    def __init__(self, render: Callable[[str, Locale, dict[str, Any]], str]) -> None:
        self._render = render
        self._kept: OrderedDict[tuple[str, str], tuple[tuple[object, ...], Markup]] = OrderedDict()

    def get(
        self, template: str, locale: Locale, of: tuple[object, ...], context: Callable[[], dict[str, Any]]
    ) -> Markup:
        """The text; `context` is asked only where it is not the one of before."""
        key = (template, str(locale))
        kept = self._kept.get(key)
        if (
            kept is None
            or len(kept[0]) != len(of)
            or any(a is not b for a, b in zip(kept[0], of, strict=True))
        ):
            kept = (of, Markup(self._render(template, locale, context())))
            self._kept[key] = kept
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return kept[1]
