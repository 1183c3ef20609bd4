"""Statements of the database in a trace: what they do with which tables, and nothing that they say."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from shop_chassis import tracing
from shop_chassis.settings import Settings
from shop_chassis.statements import operation
from shop_chassis.store import Store, opened
from shop_chassis.testing.otlp import Collector, Told
from shop_chassis.tracing import tracer_of
from sqlalchemy import Column, Integer, MetaData, String, Table, select, text, update
from sqlalchemy.exc import IntegrityError

SECRET = "hunter2"
metadata = MetaData()
person = Table("person", metadata, Column("id", Integer, primary_key=True), Column("name", String(40)))
pet = Table("pet", metadata, Column("id", Integer, primary_key=True), Column("owner", Integer))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path}/shop.sqlite"


@asynccontextmanager
async def traced(url: str, told: Collector, wanted: bool = True) -> AsyncIterator[Store]:
    """What is done in the block is a part of the span `work`; at its end all has been told."""
    settings = Settings(
        database_url=url, otel_exporter_otlp_endpoint=told.url, trace_statements=wanted, pod_name="pets-1"
    )
    async with AsyncExitStack() as opening:
        tracer = tracer_of(settings, "pets")
        opening.push_async_callback(tracer.stop)
        store = await opening.enter_async_context(opened(settings, "pets"))
        async with store.engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        with tracing.inside(tracer.begin("work", "internal")):
            yield store


def statements(told: Collector) -> list[Told]:
    """In the order of their ends; without the BEGIN that only SQLite is sent as one."""
    return [span for span in told.spans() if span.kind == "client" and span.name != "BEGIN"]


async def test_each_statement_is_a_part_of_what_it_is_made_in(url: str, told: Collector) -> None:
    async with traced(url, told) as store:
        async with store.transaction() as session:
            await session.execute(person.insert().values(id=1, name=SECRET))
            await session.execute(update(person).values(name=SECRET + "!").where(person.c.name == SECRET))
        async with store.session() as session:
            await session.execute(select(person.c.name, pet.c.id).join(pet, pet.c.owner == person.c.id))
            await session.execute(text(f"SELECT id FROM person WHERE name = '{SECRET}'"))
    found = statements(told)
    words = [set(span.name.split()) for span in found]
    assert words == [{"INSERT", "person"}, {"UPDATE", "person"}, {"SELECT", "person", "pet"}, {"SELECT"}]
    system = "sqlite" if url.startswith("sqlite") else "postgresql"
    assert found[0].attributes == {
        "db.system.name": system,
        "db.operation.name": "INSERT",
        "db.collection.name": "person",
        "db.query.summary": "INSERT person",
    }
    assert "db.collection.name" not in found[2].attributes
    (work,) = (span for span in told.spans() if span.name == "work")
    assert {(span.trace_id, span.parent_id) for span in found} == {(work.trace_id, work.span_id)}
    assert not any(span.failed for span in found)
    assert SECRET not in told.text()


async def test_one_that_fails_says_how_and_nothing_of_what_it_said(url: str, told: Collector) -> None:
    async with traced(url, told) as store:
        async with store.transaction() as session:
            await session.execute(person.insert().values(id=1, name=SECRET))
        with pytest.raises(IntegrityError, match=SECRET):
            async with store.transaction() as session:
                await session.execute(person.insert().values(id=1, name=SECRET))
    first, second = statements(told)
    assert (first.failed, second.failed) == (False, True)
    assert second.attributes["error.type"].endswith("Error")
    assert SECRET not in told.text()


@pytest.mark.postgres
async def test_one_that_nobody_waits_for_any_more_ends(postgres_url: str, told: Collector) -> None:
    async with traced(postgres_url, told) as store, store.session() as session:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await session.execute(text("SELECT pg_sleep(60)"))
    (span,) = statements(told)
    assert span.failed
    assert span.attributes["error.type"] == "CancelledError"


async def test_outside_of_all_work_nothing_is_told(url: str, told: Collector) -> None:
    """As what /readyz asks, and what was made here before the work began."""
    async with traced(url, told) as store:
        with tracing.inside(tracing.Tracer().begin("GET /readyz", "server")):
            assert await store.problem() is None
    assert statements(told) == []


async def test_nobody_is_told_unless_it_is_wished(url: str, told: Collector) -> None:
    async with traced(url, told, wanted=False) as store, store.session() as session:
        await session.execute(select(person))
    assert [span.name for span in told.spans()] == ["work"]


@pytest.mark.parametrize(
    ("wished", "there"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, False),
        ({"TRACE_STATEMENTS": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "TRACE_STATEMENTS": "true"}, True),
    ],
)
def test_it_is_loaded_where_it_is_wished_and_somebody_hears_it(wished: dict[str, str], there: bool) -> None:
    code = (
        "import sys; from shop_chassis.settings import Settings; from shop_chassis.store import Store;"
        "Store(Settings(), 'pets'); print('shop_chassis.statements' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=wished, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"{there}\n", "")


@pytest.mark.parametrize(
    ("statement", "word"), [("\n select 1", "SELECT"), ("42", "OTHER"), ("-- note", "OTHER"), ("", "OTHER")]
)
def test_its_first_word_is_what_it_does(statement: str, word: str) -> None:
    assert operation(statement) == word
