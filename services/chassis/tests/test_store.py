"""The database: transactions, rotation of credentials, outages, schema."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from shop_chassis.binding import Binding, BindingError
from shop_chassis.migrations import MigrationError, Migrations
from shop_chassis.settings import Settings, SettingsError
from shop_chassis.store import Store, opened, unavailable
from shop_chassis.tables import UtcDateTime, new_id, new_registry, utc_now
from shop_chassis.testing.servers import PostgresServer
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=new_registry()):
    pass


class Thing(Base, table=True):
    id: UUID = Field(default_factory=new_id, primary_key=True)
    count: int = 0
    at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


FIRST = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0001", None
def upgrade():
    op.create_table("thing", sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False))
"""
SECOND = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade():
    op.add_column("thing", sa.Column("at", sa.DateTime(timezone=True), nullable=False))
"""
BROKEN = SECOND + '    op.execute("SELECT no_such_thing")\n'


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    url = (
        f"sqlite:///{tmp_path}/test.db"
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    async with opened(Settings(database_url=url), "test") as store:
        yield store


@pytest.fixture
async def tables(store: Store) -> Store:
    async with store.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    return store


def migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *scripts: str) -> Migrations:
    """A package of its own for each call, with these versions."""
    name = f"migrations_{len(list(tmp_path.iterdir()))}_{tmp_path.name.replace('-', '_')}"
    versions = tmp_path / name / "versions"
    versions.mkdir(parents=True)
    (tmp_path / name / "__init__.py").touch()
    for number, script in enumerate(scripts, 1):
        (versions / f"{number:04}.py").write_text(script)
    monkeypatch.syspath_prepend(tmp_path)
    return Migrations(name, Base.metadata)


async def count(store: Store) -> int:
    async with store.session() as session:
        return (await session.execute(select(func.count()).select_from(Thing))).scalar_one()


async def test_a_transaction_commits_or_leaves_nothing(tables: Store) -> None:
    async with tables.transaction() as session:
        session.add(Thing())
    assert await count(tables) == 1

    async def fail() -> None:
        async with tables.transaction() as session:
            session.add(Thing())
            await session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await count(tables) == 1


async def test_read_and_write_back_loses_no_update(tables: Store) -> None:
    """On SQLite a transaction that began by reading could not write after another has."""
    thing = Thing()
    async with tables.transaction() as session:
        session.add(thing)

    async def add_one() -> None:
        async with tables.transaction() as session:
            mine = (await session.execute(select(Thing).with_for_update())).scalar_one()
            await asyncio.sleep(0)
            mine.count += 1

    await asyncio.gather(*(add_one() for _ in range(20)))
    async with tables.session() as session:
        assert (await session.execute(select(Thing.count))).scalar_one() == 20


async def test_times_come_back_in_utc(tables: Store) -> None:
    there = datetime(2026, 11, 21, 12, tzinfo=timezone(timedelta(hours=5)))
    async with tables.transaction() as session:
        session.add(Thing(at=there))
    async with tables.session() as session:
        found = (await session.execute(select(Thing.at))).scalar_one()
    assert found == there
    assert found.tzinfo == UTC
    with pytest.raises(Exception, match="no time zone"):
        async with tables.session() as session:
            await session.execute(select(Thing).where(Thing.at < datetime(2026, 1, 1)))


def test_ids_sort_by_time() -> None:
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(ids)
    assert {id.version for id in ids} == {7}


async def test_sqlite_checks_foreign_keys_and_writes_ahead(tmp_path: Path) -> None:
    async with (
        opened(Settings(database_url=f"sqlite:///{tmp_path}/x.db"), "x") as store,
        store.session() as session,
    ):
        assert (await session.execute(text("PRAGMA foreign_keys"))).scalar_one() == 1
        assert (await session.execute(text("PRAGMA journal_mode"))).scalar_one() == "wal"


async def test_migrations_lead_to_the_tables(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = migrations(tmp_path, monkeypatch, FIRST)
    assert "run `migrate`" in str(await old.problem(store))
    assert await old.upgrade(store, wait=5) == ["0001"]
    assert await old.problem(store) is None
    new = migrations(tmp_path, monkeypatch, FIRST, SECOND)
    assert await new.problem(store) == "the schema is at 0001, this version needs 0002: run `migrate`"
    assert len(await new.differences(store)) == 1
    assert await new.upgrade(store, wait=5) == ["0002"]
    assert await new.upgrade(store, wait=5) == []
    assert await new.problem(store) is None
    assert await new.differences(store) == []
    # The version before goes on while the new one is rolled out.
    assert await migrations(tmp_path, monkeypatch, FIRST).problem(store) is None


async def test_a_failed_migration_leaves_the_schema_as_it_was(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrations(tmp_path, monkeypatch, FIRST).upgrade(store, wait=5)
    with pytest.raises(MigrationError, match=r"no_such_thing.*; the schema is as it was before"):
        await migrations(tmp_path, monkeypatch, FIRST, BROKEN).upgrade(store, wait=5)
    good = migrations(tmp_path, monkeypatch, FIRST, SECOND)
    assert len(await good.differences(store)) == 1
    assert await good.upgrade(store, wait=5) == ["0002"]


async def test_a_file_is_named_by_its_revision(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MigrationError, match=r"the last is 0002; found that 0001 is: rename"):
        await migrations(
            tmp_path,
            monkeypatch,
            SECOND.replace('"0001"', "None").replace('"0002"', '"0003"'),
            FIRST.replace("None", '"0003"'),
        ).upgrade(store, wait=5)


async def test_two_migrations_at_once_are_one(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = migrations(tmp_path, monkeypatch, FIRST, SECOND)
    applied = await asyncio.gather(*(once.upgrade(store, wait=20) for _ in range(3)))
    assert sorted(applied) == [[], [], ["0001", "0002"]]


async def test_migrate_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(Settings(database_url="postgresql://u:p@127.0.0.1:1/x"), "x") as store:
        with pytest.raises(
            MigrationError, match=r"did not accept a connection in time: Connect.*are address"
        ):
            await migrations(tmp_path, monkeypatch, FIRST).upgrade(store, wait=0.1)


async def test_a_draft_has_the_difference(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafted = migrations(tmp_path, monkeypatch, FIRST)
    await drafted.upgrade(store, wait=5)
    path = await drafted.draft(store, "When it happened")
    assert path is not None
    assert path.name == "0002_when_it_happened.py"
    assert "add_column('thing', sa.Column('at', sa.DateTime(timezone=True)" in path.read_text()
    assert await drafted.upgrade(store, wait=5) == ["0002"]
    assert await drafted.differences(store) == []
    assert await drafted.draft(store, "Nothing") is None


def bind(folder: Path, **values: str) -> Settings:
    (folder / "database").mkdir(exist_ok=True)
    for key, value in values.items():
        (folder / "database" / key).write_text(value + "\n")
    return Settings(service_binding_root=folder, database_url="sqlite:///never")


def of(server: PostgresServer, url: str) -> dict[str, str]:
    return {
        "type": "postgresql",
        "host": "127.0.0.1",
        "port": str(server.port),
        "database": url.rsplit("/")[-1],
    }


def test_a_binding_names_what_is_missing(tmp_path: Path) -> None:
    bind(tmp_path, host="")
    binding = Binding.find(tmp_path, "database")
    assert binding is not None
    with pytest.raises(BindingError, match=r"database/host is missing or empty: expected the host"):
        binding.get("host")
    assert Binding.find(tmp_path, "cache") is None
    assert Binding.find(None, "cache") is None


def test_an_unknown_database_is_named() -> None:
    with pytest.raises(SettingsError, match="expected postgresql:// or sqlite://, found mysql://"):
        Store(Settings(database_url="mysql://x/y"), "x")


@pytest.mark.postgres
async def test_rotated_credentials_are_taken_up_by_new_connections(
    postgres: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    postgres.execute("CREATE ROLE one LOGIN PASSWORD 'a'; CREATE ROLE two LOGIN PASSWORD 'b'")
    settings = bind(tmp_path, **of(postgres, postgres_url), username="one", password="a")
    async with opened(settings, "x") as store, store.session() as held:
        who = text("SELECT current_user")
        assert (await held.execute(who)).scalar_one() == "one"
        bind(tmp_path, username="two", password="b")
        postgres.execute("ALTER ROLE one NOLOGIN")
        async with store.session() as session:
            assert (await session.execute(who)).scalar_one() == "two"
        assert (await held.execute(who)).scalar_one() == "one"  # what runs is not disturbed


@pytest.mark.postgres
async def test_a_login_that_fails_between_two_files_is_tried_again(
    postgres: PostgresServer, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of one Secret are not read in one step."""
    settings = bind(tmp_path, **of(postgres, postgres_url), username="postgres", password="of before")
    read = Binding.get

    def replace_afterwards(self: Binding, key: str, default: str | None = None) -> str:
        value = read(self, key, default)
        if key == "password":
            bind(tmp_path, password=postgres.password)
        return value

    monkeypatch.setattr(Binding, "get", replace_afterwards)
    async with opened(settings, "x") as store:
        assert await store.problem() is None


@pytest.mark.postgres
async def test_connections_of_a_server_that_came_back_are_replaced(
    postgres: PostgresServer, postgres_url: str
) -> None:
    async with opened(Settings(database_url=postgres_url, database_pool_size=4), "x") as store:

        async def ask(_: int) -> Any:
            async with store.session() as session:
                return (await session.execute(text("SELECT pg_sleep(0.05)"))).all()

        await asyncio.gather(*map(ask, range(4)))
        postgres.kill()
        await asyncio.to_thread(postgres.start)  # the loop hears of the closed sockets meanwhile
        await asyncio.gather(*map(ask, range(4)))  # none of them is given a connection of before
        postgres.kill()
        assert await store.problem() is not None
        with pytest.raises(Exception) as caught:
            await ask(0)
        assert unavailable(caught.value)
        postgres.start()
        assert await store.problem() is None


async def test_an_error_of_ours_is_not_an_outage(tables: Store) -> None:
    thing = Thing()
    async with tables.transaction() as session:
        session.add(thing)
    with pytest.raises(Exception) as caught:
        async with tables.transaction() as session:
            session.add(Thing(id=thing.id))
    assert not unavailable(caught.value)
    with pytest.raises(Exception) as wrong:
        async with tables.transaction() as session:
            await session.execute(update(Thing).values(nothing=1))
    assert not unavailable(wrong.value)


@pytest.mark.parametrize(
    "refusal",
    [
        asyncpg.CannotConnectNowError("the database system is not yet accepting connections"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
        asyncpg.InvalidPasswordError("password authentication failed"),
    ],
    ids=lambda each: type(each).__name__,
)
async def test_a_server_that_takes_nobody_now_is_unavailable(
    refusal: asyncpg.PostgresError, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connect(**_options: Any) -> None:
        raise refusal

    monkeypatch.setattr("asyncpg.connect", connect)
    async with opened(Settings(database_url="postgresql://shop@127.0.0.1/shop"), "catalog") as store:
        with pytest.raises(DBAPIError) as caught:
            async with store.session() as session:
                await session.execute(text("SELECT 1"))
        assert unavailable(caught.value)


async def test_a_server_that_never_answers_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shop_chassis.store.CONNECT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://shop@127.0.0.1:{silent.getsockname()[1]}/shop"
        async with opened(Settings(database_url=url), "catalog") as unanswered:
            with pytest.raises(ConnectionError, match="no answer within") as caught:
                async with unanswered.session() as session:
                    await session.execute(text("SELECT 1"))
            assert unavailable(caught.value)


@pytest.mark.parametrize(
    "gone",
    [socket.gaierror(-2, "Name or service not known"), OSError(errno.EHOSTUNREACH, "No route to host")],
    ids=["name", "route"],
)
async def test_a_server_whose_pod_is_gone_is_unavailable(
    gone: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def connect(**_options: Any) -> None:
        raise gone

    monkeypatch.setattr("asyncpg.connect", connect)
    async with opened(Settings(database_url="postgresql://shop@catalog-db/shop"), "catalog") as store:
        with pytest.raises(ConnectionError, match=gone.strerror) as caught:
            async with store.session() as session:
                await session.execute(text("SELECT 1"))
        assert unavailable(caught.value)
