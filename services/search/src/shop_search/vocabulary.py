"""The words that titles, brands, attributes and categories have: where a typo finds what was meant."""

from collections.abc import Iterable

from tantivy import Document, Index, Query, SchemaBuilder

HEAP = 15_000_000
"""Bytes that the writer may use, the least that it takes."""
MOST = 1000
"""Words that one typo may mean."""


class Vocabulary:
    """Grows only; who asks checks whether a word is still in use. Written by one thread at a time."""

    def __init__(self) -> None:
        build = SchemaBuilder()
        build.add_text_field("word", tokenizer_name="raw", index_option="basic")
        build.add_unsigned_field("number", fast=True)
        self._schema = build.build()
        self._index = Index(self._schema)
        self._index.config_reader("manual")
        self._writer = self._index.writer(HEAP, 1)
        self._shown: dict[str, str] = {}
        self._words: list[str] = []
        self._new = False

    def __len__(self) -> int:
        return len(self._words)

    def add(self, words: Iterable[tuple[str, str]]) -> None:
        """Plain words, each with how it was written. Found after `commit`."""
        for word, written in words:
            shown = self._shown.get(word)
            if shown is None:
                self._writer.add_document(
                    Document.from_dict({"word": word, "number": len(self._words)}, self._schema)
                )
                self._words.append(word)
                self._new = True
            if shown is None or written > shown:  # of two the one with umlauts, in whatever order they come
                self._shown[word] = written

    def commit(self) -> None:
        """What was added is found from now on."""
        if self._new:
            self._writer.commit()
            self._index.reload()
            self._new = False

    def shown(self, word: str) -> str:
        """A plain word as it is written."""
        return self._shown.get(word, word)

    def near(self, word: str, edits: int, *, begun: bool = False) -> list[str]:
        """Words at most so many typos away, sorted; `begun`: words that begin with such a one."""
        query = Query.fuzzy_term_query(self._schema, "word", word, distance=edits, prefix=begun)
        searcher = self._index.searcher()
        hits = searcher.search(query, limit=MOST, count=False).hits
        numbers = searcher.fast_field_values("number", [address for _, address in hits])
        return sorted(self._words[int(number)] for number in numbers if number is not None)
