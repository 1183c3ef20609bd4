"""The service's own database: PostgreSQL by asyncpg, or SQLite by aiosqlite.

`session()` is for reading: each statement stands alone, so nothing is spent on BEGIN and ROLLBACK.
`transaction()` is for everything that writes: it commits at the end of the block, or rolls back.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import Connection, event, make_url, text
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from shop_chassis.binding import Binding, BindingError
from shop_chassis.pool import InTurn, beside_the_line
from shop_chassis.settings import Settings, SettingsError

CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 30.0
"""A statement may take longer than any request; a connection whose other end has vanished never answers."""
CONNECTION_AGE = 300
"""Seconds after which a connection is replaced, so that rotated credentials are taken up without an error."""

DATABASE_ERRORS = (SQLAlchemyError, asyncpg.PostgresError, sqlite3.Error, OSError, TimeoutError, BindingError)
"""What a database that is down or refuses can raise."""
_REFUSED = (
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.PostgresConnectionError,
)


class Store:
    """Engines and sessions of one service. Connects when first used, not before.

    `engine` is for transactions, `writing` for those that will write.
    """

    def __init__(self, settings: Settings, service: str) -> None:
        """`service` names the SQLite file that is used when the environment names no database."""
        # An engine that differs from how its connections are made pays for it each time that one is taken.
        alone = _engine(settings, service)
        if settings.trace_statements and settings.otel_exporter_otlp_endpoint is not None:
            from shop_chassis.statements import told  # where nobody asks for it, nothing is loaded or called

            told(alone.sync_engine)
        if alone.dialect.name == "sqlite":
            self.engine = alone.execution_options(sqlite_begin="BEGIN")
            # Locks at once: a transaction that has read before it writes may find that it cannot.
            self.writing = alone.execution_options(sqlite_begin="BEGIN IMMEDIATE")
        else:
            self.engine = self.writing = alone.execution_options(isolation_level="READ COMMITTED")
        self._reading = async_sessionmaker(alone, expire_on_commit=False, autoflush=False)
        self._writing = async_sessionmaker(self.writing, expire_on_commit=False)

    def session(self) -> AsyncSession:
        """For reading alone; `async with store.session() as session`."""
        return self._reading()

    def transaction(self) -> AbstractAsyncContextManager[AsyncSession]:
        """For writing; commits when the block ends, rolls back when it raises."""
        return self._writing.begin()

    async def problem(self) -> str | None:
        """Why the database cannot be used; None when it can, be it by many at once."""
        try:
            with beside_the_line():
                async with asyncio.timeout(2), self.session() as session:
                    await session.execute(text("SELECT 1"))
        except DATABASE_ERRORS as error:
            return first_line(error)
        return None

    async def stop(self) -> None:
        """Closes all connections."""
        await self.engine.dispose()


def unavailable(error: BaseException) -> bool:
    """Whether the database is out of reach, as against a statement that is wrong."""
    if isinstance(error, DBAPIError):
        # What becomes of a new connection, as to a server that recovers, has no kind of its own here.
        driver = error.orig.__cause__ if error.orig else None
        refused = error.connection_invalidated or isinstance(driver, _REFUSED)
        return refused or isinstance(error, OperationalError | InterfaceError)
    return isinstance(error, (PoolTimeout, ConnectionError, BindingError, *_REFUSED))


def outage(error: BaseException) -> str:
    """What the caller of a request is told where `unavailable`."""
    if isinstance(error, PoolTimeout):
        return f"too much is asked of this pod: none of its connections was free for {CONNECT_SECONDS:g} s"
    return "the database of this service cannot be used right now"


def first_line(error: BaseException) -> str:
    """An error in one line, without SQLAlchemy's wrapping."""
    cause: BaseException = getattr(error, "orig", None) or error
    message = str(cause).partition("\n")[0]
    return f"{type(cause).__name__}: {message}" if message else type(cause).__name__


def _engine(settings: Settings, service: str) -> AsyncEngine:
    binding = settings.binding("database")
    if binding:
        return _pooled("postgresql+asyncpg://", settings, async_creator=_connector(binding))
    url = make_url(settings.database_url or f"sqlite:///{service}.sqlite3")
    match url.get_backend_name():
        case "sqlite":
            return _sqlite(url.set(drivername="sqlite+aiosqlite").render_as_string(hide_password=False))
        case "postgresql" | "postgres":
            full = url.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
            return _pooled(full, settings, connect_args={"async_creator_fn": _connect})
        case other:
            raise SettingsError(f"DATABASE_URL: expected postgresql:// or sqlite://, found {other}://")


def _pooled(url: str, settings: Settings, **options: Any) -> AsyncEngine:
    engine = create_async_engine(
        url,
        poolclass=InTurn,
        pool_size=settings.database_pool_size,
        max_overflow=0,
        isolation_level="AUTOCOMMIT",
        pool_timeout=CONNECT_SECONDS,
        pool_recycle=CONNECTION_AGE,
        **options,
    )
    event.listen(engine.sync_engine, "checkout", _replace_closed)
    return engine


def _replace_closed(dbapi_connection: Any, _entry: ConnectionPoolEntry, _proxy: object) -> None:
    """A server that went away has closed its sockets: noticed here without asking it, as a ping would."""
    if dbapi_connection.driver_connection.is_closed():
        raise DisconnectionError("the server has closed this connection")


def _connector(binding: Binding) -> Callable[[], Any]:
    async def connect() -> asyncpg.Connection:
        try:
            return await _connect(**_told(binding))
        except asyncpg.InvalidAuthorizationSpecificationError:
            return await _connect(**_told(binding))  # the files may have been replaced between two of them

    return connect


def _told(binding: Binding) -> dict[str, Any]:
    return {
        "host": binding.get("host"),
        "port": int(binding.get("port", "5432")),
        "database": binding.get("database"),
        "user": binding.get("username"),
        "password": binding.get("password"),
    }


async def _connect(**told: Any) -> asyncpg.Connection:
    """Raises ConnectionError where nobody answers.

    Of a TimeoutError nobody would know whose time it was; and while a database has no pod, its name is not
    known or there is no way to its address, which are bare OSErrors.
    """
    try:
        return await asyncpg.connect(**told, timeout=CONNECT_SECONDS, command_timeout=STATEMENT_SECONDS)
    except TimeoutError as error:
        raise ConnectionError(f"no answer within {CONNECT_SECONDS:g} s") from error
    except OSError as error:
        raise ConnectionError(str(error)) from error


def _sqlite(url: str) -> AsyncEngine:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT", connect_args={"timeout": CONNECT_SECONDS})

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(dbapi_connection: Any, _entry: object) -> None:
        cursor = dbapi_connection.cursor()
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        if statement := connection.get_execution_options().get("sqlite_begin"):
            connection.exec_driver_sql(statement)

    return engine


@asynccontextmanager
async def opened(settings: Settings, service: str) -> AsyncIterator[Store]:
    """A store for the length of a block."""
    store = Store(settings, service)
    try:
        yield store
    finally:
        await store.stop()
