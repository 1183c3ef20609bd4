"""The engines: each takes the products, then answers queries with ids, best first."""

import json
import os
import re
import sqlite3
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import asyncpg
from shop_chassis.testing.servers import PostgresServer
from shop_contracts.catalog.api import Category, Product

TEN = 10


def memory(pid: int | str = "self") -> int:
    """Bytes of a process that are its own, and its share of those that others have too."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def cpu_seconds(pid: int) -> float:
    """That a process and those of its children that have ended used, in user and kernel mode (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


_WORD = re.compile(r"\w+")


class Engine(ABC):
    """One way to search, used by one thread."""

    name = ""

    @abstractmethod
    async def load(self, goods: Sequence[Product], tree: Sequence[Category]) -> None:
        """Makes its index of them."""

    @abstractmethod
    async def search(self, text: str) -> list[UUID]:
        """The first ten."""

    @abstractmethod
    async def close(self) -> None:
        """Gives back what it holds."""

    def size(self) -> int:
        """Bytes on disk; 0 where all of it is in memory."""
        return 0

    def apart(self) -> int:
        """Bytes of memory in processes of its own."""
        return 0

    def cpu_apart(self) -> float:
        """Seconds of CPU that these have used, in steps of 10 ms."""
        return 0.0


class Shop(Engine):
    """Search's own engine, without HTTP: with total, facets and highlights, which the others do not make."""

    name = "search"

    def __init__(self) -> None:
        from shop_search import synonyms
        from shop_search.index import Index

        self._index = Index()
        self._synonyms = synonyms.load(None)

    async def load(self, goods: Sequence[Product], tree: Sequence[Category]) -> None:
        self._index.apply_categories(tree, 1)
        for start in range(0, len(goods), 500):
            for product in goods[start : start + 500]:
                self._index.apply_product(product, 1)
            self._index.add(self._index.take())
        self._index.settle()

    async def search(self, text: str) -> list[UUID]:
        from shop_search.filters import Filters
        from shop_search.search import Search, run

        page = run(self._index.view, self._synonyms, Search(text, Filters(), "relevance", TEN))
        page.model_dump_json()
        return [hit.product_id for hit in page.items]

    async def close(self) -> None:
        pass


class _Sqlite(Engine):
    tokenizer = ""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bench-search-")
        self._file = Path(self._folder.name) / "goods.db"
        self._connection = sqlite3.connect(self._file)

    async def load(self, goods: Sequence[Product], tree: Sequence[Category]) -> None:
        self._connection.execute(
            "CREATE VIRTUAL TABLE goods USING "
            f"fts5(id UNINDEXED, title, brand, description, tokenize={json.dumps(self.tokenizer)})"
        )
        self._connection.executemany(
            "INSERT INTO goods VALUES (?, ?, ?, ?)",
            ((str(each.id), each.title, each.attributes["brand"], each.description) for each in goods),
        )
        self._connection.execute("INSERT INTO goods(goods) VALUES ('optimize')")
        self._connection.commit()

    async def search(self, text: str) -> list[UUID]:
        rows = self._connection.execute(
            "SELECT id FROM goods WHERE goods MATCH ? ORDER BY bm25(goods, 0, 8, 5, 2), id LIMIT ?",
            (self.match(text), TEN),
        )
        return [UUID(id) for (id,) in rows]

    @abstractmethod
    def match(self, text: str) -> str:
        """The query in FTS5's language."""

    async def close(self) -> None:
        self._connection.close()
        self._folder.cleanup()

    def size(self) -> int:
        return self._file.stat().st_size


class Fts5(_Sqlite):
    """SQLite's words with English stems, all of which must be there."""

    name = "SQLite FTS5"
    tokenizer = "porter unicode61 remove_diacritics 2"

    def match(self, text: str) -> str:
        return " ".join(f'"{word}"' for word in _WORD.findall(text))


class Fts5Trigrams(_Sqlite):
    """SQLite's trigrams, any of which, in titles and brands: the way to typos within FTS5."""

    name = "SQLite FTS5 trigrams"
    tokenizer = "trigram"

    def match(self, text: str) -> str:
        words = [word for word in _WORD.findall(text) if len(word) >= 3]
        grams = dict.fromkeys(word[at : at + 3] for word in words for at in range(len(word) - 2))
        return "{title brand} : (" + " OR ".join(f'"{gram}"' for gram in grams) + ")"


class Postgres(Engine):
    """PostgreSQL's weighted text vectors with a GIN index."""

    name = "PostgreSQL full text"

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bench-search-")
        Path(self._folder.name).chmod(0o755)
        self.server = PostgresServer(
            Path(self._folder.name), shared_buffers="256MB", max_parallel_workers_per_gather="0", jit="off"
        )
        self.server.start()

    async def load(self, goods: Sequence[Product], tree: Sequence[Category]) -> None:
        self._connection = await asyncpg.connect(self.server.url().replace("+asyncpg", ""))
        await self._connection.execute(
            "CREATE TABLE goods (id uuid PRIMARY KEY, title text, brand text, description text, "
            "words tsvector GENERATED ALWAYS AS (setweight(to_tsvector('english', title), 'A') || "
            "setweight(to_tsvector('english', brand), 'B') || "
            "setweight(to_tsvector('english', description), 'C')) STORED)"
        )
        await self._connection.copy_records_to_table(
            "goods",
            columns=["id", "title", "brand", "description"],
            records=[(each.id, each.title, each.attributes["brand"], each.description) for each in goods],
        )
        await self._connection.execute("CREATE INDEX ON goods USING gin (words)")
        await self._more()
        await self._connection.execute("VACUUM ANALYZE goods")

    async def _more(self) -> None:
        pass

    async def search(self, text: str) -> list[UUID]:
        return await self._ranked("websearch_to_tsquery", text)

    async def _ranked(self, parser: str, text: str) -> list[UUID]:
        rows = await self._connection.fetch(
            f"SELECT id FROM goods, {parser}('english', $1) query WHERE words @@ query "
            "ORDER BY ts_rank_cd(words, query) DESC, id LIMIT $2",
            text,
            TEN,
        )
        return [UUID(str(row["id"])) for row in rows]

    async def close(self) -> None:
        await self._connection.close()
        self.server.stop()
        self._folder.cleanup()

    def cpu_apart(self) -> float:
        return sum(cpu_seconds(pid) for pid in family(self.server.pid))

    def apart(self) -> int:
        return sum(memory(pid) for pid in family(self.server.pid))

    def size(self) -> int:
        return int(self.server.execute("SELECT pg_total_relation_size('goods')").split()[0])


class PostgresTitles(Postgres):
    """The same, and where it finds nothing the titles whose trigrams are the nearest (pg_trgm)."""

    name = "PostgreSQL full text, then titles by pg_trgm"

    async def _more(self) -> None:
        await self._connection.execute("CREATE EXTENSION pg_trgm")
        await self._connection.execute("CREATE INDEX ON goods USING gist (title gist_trgm_ops(siglen=64))")

    async def search(self, text: str) -> list[UUID]:
        if found := await super().search(text):
            return found
        rows = await self._connection.fetch(
            "SELECT id FROM goods ORDER BY title <->> $1, id LIMIT $2", text, TEN
        )
        return [UUID(str(row["id"])) for row in rows]


class PostgresWords(Postgres):
    """The same, and where it finds nothing each word may be any of the five nearest that titles have.

    So PostgreSQL's manual joins its full text with pg_trgm ("Text Search Integration"); without its
    threshold, under which are most typos of short words.
    """

    name = "PostgreSQL full text, then words by pg_trgm"

    async def _more(self) -> None:
        await self._connection.execute("CREATE EXTENSION pg_trgm")
        await self._connection.execute(
            "CREATE TABLE near AS "
            "SELECT word FROM ts_stat('SELECT to_tsvector(''simple'', title) FROM goods')"
        )
        await self._connection.execute("CREATE INDEX ON near USING gist (word gist_trgm_ops(siglen=64))")
        await self._connection.execute("VACUUM ANALYZE near")

    async def search(self, text: str) -> list[UUID]:
        if found := await super().search(text):
            return found
        rows = await self._connection.fetch(
            "SELECT asked, array(SELECT quote_literal(word) FROM near ORDER BY word <-> asked LIMIT 5) meant "
            "FROM unnest($1::text[]) asked",
            _WORD.findall(text),
        )
        return await self._ranked("to_tsquery", " & ".join(f"({' | '.join(row['meant'])})" for row in rows))

    def size(self) -> int:
        return super().size() + int(self.server.execute("SELECT pg_total_relation_size('near')").split()[0])
