"""The index of one replica: changes are collected, written together, and then seen all at once.

`apply…` and `take` are called by the event loop and cost next to nothing; `write` runs in a thread, one at a
time. Searches take the present `view`, which does not change under them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as Collection
from dataclasses import dataclass
from typing import NamedTuple, cast
from uuid import UUID

from shop_contracts.catalog.api import Category, Product
from tantivy import DocAddress, IndexWriter, Occur, Query, Searcher
from tantivy import Index as Engine

from shop_search.pages import count_of
from shop_search.plan import Plan
from shop_search.ranking import Ranking
from shop_search.schema import TITLE, attributes_of, document, schema
from shop_search.synonyms import Phrase
from shop_search.text import ENGLISH, GERMAN, PLAIN, analyser, forms, normal, tokens
from shop_search.tree import Tree
from shop_search.vocabulary import Vocabulary

LOADING_HEAP, HEAP = 100_000_000, 20_000_000
"""Bytes that the writer may use before it makes a segment: while a snapshot is loaded, and afterwards."""


@dataclass(slots=True)
class Known:
    """What is known of a product besides what the engine holds."""

    sequence: int = -1
    """Of catalog's newest event that is in the index, or on its way there; -1: none, nor in a snapshot."""
    available: int | None = None
    stock_sequence: int = -1
    """The same of warehouse's."""


class View:
    """What searches see: a state of the index, whole."""

    def __init__(
        self, searcher: Searcher, tree: Tree, vocabulary: Vocabulary, known: Mapping[UUID, Known]
    ) -> None:
        self.searcher = searcher
        self.tree = tree
        self.ranking = Ranking(SCHEMA, tree)
        self.vocabulary = vocabulary
        self._known = known

    def available(self, id: UUID) -> int | None:
        """Pieces of a product, as told last."""
        known = self._known.get(id)
        return known.available if known else None

    def size(self) -> int:
        """Products that are sold."""
        return self.searcher.num_docs

    def uses(self, phrases: Sequence[Phrase]) -> int:
        """As `Corpus` says."""
        return self._count(self.ranking.finding(phrases))

    def near(self, word: str, edits: int) -> Sequence[str]:
        """As `Corpus` says."""
        return self.vocabulary.near(word, edits)

    def beginning(self, word: str, limit: int) -> Sequence[str]:
        """As `Corpus` says."""
        return [word for word, _ in self.completions(word, limit, Query.all_query())]

    def completions(self, word: str, limit: int, among: Query) -> list[tuple[str, int]]:
        """Words of titles that begin so, and how many of those products have them. Deleted ones do not count,
        as they would without a query to filter by."""
        found: list[tuple[str, int]] = self.searcher.terms_with_prefix(TITLE, word, among, limit)
        return found

    def has(self, id: str, phrase: Phrase) -> bool:
        """Whether a product has it, as `uses` says."""
        of_it = Query.term_query(SCHEMA, "id", id, "basic")
        clauses = [(Occur.Must, of_it), (Occur.Must, self.ranking.finding([phrase]))]
        return self._count(Query.boolean_query(clauses)) > 0

    def found(self, plan: Plan) -> int:
        """Products that the plan finds, without filters."""
        return self._count(self.ranking.ranked(plan))

    def _count(self, query: Query) -> int:
        return count_of(self.searcher.search(query, 1))


SCHEMA = schema()


class Batch(NamedTuple):
    """Changes that are written together."""

    products: Mapping[UUID, Product]
    restocked: Collection[UUID]
    """Products that are in stock and were not, or the other way round."""
    tree: Tree | None
    """None: as it was."""


class Index:
    """Empty at first."""

    def __init__(self) -> None:
        self._engine = Engine(SCHEMA)
        for name in (PLAIN, ENGLISH, GERMAN):
            self._engine.register_tokenizer(name, analyser(name))
        self._engine.config_reader("manual")
        self._writer: IndexWriter = self._engine.writer(LOADING_HEAP, 1)
        self._vocabulary = Vocabulary()
        self._known: dict[UUID, Known] = {}
        self._categories: dict[str, Category] = {}
        self._tree_sequence = -1
        self._tree_changed = False
        self._products: dict[UUID, Product] = {}
        self._restocked: set[UUID] = set()
        self._tree = Tree()
        self._dirty = False
        self.view = View(self._engine.searcher(), self._tree, self._vocabulary, self._known)

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._products or self._restocked or self._tree_changed)

    def apply_product(self, product: Product, sequence: int) -> bool:
        """A product's state as of that event; whether it is news."""
        known = self._known.setdefault(product.id, Known())
        if sequence <= known.sequence:
            return False
        known.sequence = sequence
        if known.stock_sequence < 0 and product.available is not None:
            known.available = product.available  # as catalog heard it, until warehouse says more
        self._products[product.id] = product
        return True

    def apply_stock(self, id: UUID, available: int, sequence: int) -> bool:
        """What is available as of that event; whether it is news."""
        known = self._known.setdefault(id, Known())
        if sequence <= known.stock_sequence:
            return False
        if (known.available == 0) is not (available == 0):
            self._restocked.add(id)
        known.available, known.stock_sequence = available, sequence
        return True

    def apply_categories(self, categories: Iterable[Category], sequence: int) -> bool:
        """Categories as of that event; whether they are news."""
        if sequence <= self._tree_sequence:
            return False
        self._tree_sequence, self._tree_changed = sequence, True
        self._categories |= {each.slug: each for each in categories}
        return True

    def take(self) -> Batch:
        """What is to be written; what is applied from now on is for the next time."""
        tree = Tree(self._categories.values()) if self._tree_changed else None
        batch = Batch(self._products, self._restocked, tree)
        self._products, self._restocked, self._tree_changed = {}, set(), False
        return batch

    def write(self, batch: Batch) -> None:
        """Afterwards searches see it. Of batches the earlier must be written first."""
        self.add(batch)
        self.commit()

    def add(self, batch: Batch) -> None:
        """The same, but searches see it after the next `commit`."""
        stored = (self._stored(id) for id in batch.restocked - batch.products.keys())
        for product in [*batch.products.values(), *filter(None, stored)]:
            self._writer.delete_documents_by_term("id", str(product.id))
            if product.active:
                self._writer.add_document(document(product, self.view.available(product.id), SCHEMA))
                self._vocabulary.add(words_of([product.title, *attributes_of(product).values()]))
            self._dirty = True
        if batch.tree:
            self._tree = batch.tree
            self._vocabulary.add(words_of(each.title for each in batch.tree.categories))

    def commit(self) -> None:
        """What was added is seen from now on."""
        if self._dirty:
            self._writer.commit()
            self._engine.reload()
            self._dirty = False
        self._vocabulary.commit()
        self.view = View(self._engine.searcher(), self._tree, self._vocabulary, self._known)

    def settle(self) -> None:
        """All is loaded: from now on changes are few."""
        self.commit()
        self._writer.wait_merging_threads()
        self._writer = self._engine.writer(HEAP, 1)
        self._engine.reload()
        self.view = View(self._engine.searcher(), self._tree, self._vocabulary, self._known)

    def _stored(self, id: UUID) -> Product | None:
        searcher = self.view.searcher
        hits = searcher.search(Query.term_query(SCHEMA, "id", str(id), "basic"), 1, count=False).hits
        if not hits:
            return None
        return Product.model_validate_json(content(searcher, hits[0][1]))


def content(searcher: Searcher, address: DocAddress) -> bytes:
    """A product's JSON."""
    return cast(bytes, searcher.doc(address).get_first("product"))


def words_of(texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Plain words, each with how it is written in lower case."""
    for text in texts:
        for token in tokens(normal(text)):
            if found := forms(token.text):
                yield found.plain, token.text.lower()
