"""The tree of categories, as queries and facets need it."""

from collections.abc import Iterable, Sequence

from shop_contracts.catalog.api import Category

from shop_search.text import Forms, forms, plain_words, tokens


class Tree:
    """Does not change; a change makes another one."""

    def __init__(self, categories: Iterable[Category] = ()) -> None:
        """In any order; one whose parent is not there is at the top."""
        self._categories = {each.slug: each for each in categories}
        self._below: dict[str | None, list[Category]] = {}
        for each in sorted(self._categories.values(), key=lambda each: (each.position, each.slug)):
            self._below.setdefault(each.parent if each.parent in self._categories else None, []).append(each)
        self._forms = {
            slug: {found for token in tokens(each.title) if (found := forms(token.text))}
            for slug, each in self._categories.items()
        }

    @property
    def categories(self) -> Sequence[Category]:
        """All, parents first, siblings in their order."""
        return [each for top in self._below.get(None, ()) for each in self._walk(top)]

    def title(self, slug: str) -> str:
        """The slug where there is no such category."""
        found = self._categories.get(slug)
        return found.title if found else slug

    def with_below(self, slug: str) -> list[str]:
        """The slug and those of all categories below it."""
        found = self._categories.get(slug)
        return [each.slug for each in self._walk(found)] if found else [slug]

    def above(self, slug: str) -> list[str]:
        """The slug and those of its parents, up to the top."""
        path = [slug]
        while (found := self._categories.get(path[-1])) and found.parent and found.parent not in path:
            path.append(found.parent)
        return path

    def named(self, words: Iterable[Forms]) -> list[str]:
        """Categories whose titles have all these words, in whatever form, with those below them; sorted."""
        asked = list(words)
        tops = [
            slug for slug, its in self._forms.items() if all(any(_same(a, b) for b in its) for a in asked)
        ]
        return sorted({slug for top in tops for slug in self.with_below(top)})

    def words(self) -> set[str]:
        """Plain words of all titles."""
        return {found.plain for its in self._forms.values() for found in its}

    def beginning(self, words: Sequence[str]) -> list[Category]:
        """Those whose titles have all these plain words, the last of them perhaps only begun."""
        *whole, begun = words
        return [
            each
            for each in self.categories
            if (its := plain_words(each.title))
            and set(whole) <= set(its)
            and any(word.startswith(begun) for word in its)
        ]

    def _walk(self, top: Category) -> Iterable[Category]:
        # Catalog lets no category be below itself; between two events of a move it could look so.
        waiting, seen = [top], set[str]()
        while waiting:
            each = waiting.pop()
            if each.slug not in seen:
                seen.add(each.slug)
                yield each
                waiting += reversed(self._below.get(each.slug, []))


def _same(one: Forms, other: Forms) -> bool:
    return any(a == b for a, b in zip(one, other, strict=True))
