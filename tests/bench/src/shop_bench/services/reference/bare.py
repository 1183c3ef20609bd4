"""`python -m shop_bench.services.reference.bare serve`: on FastAPI alone, without auth, metrics and logs.

Reads DATABASE_URL, LISTEN_ADDRESS and PORT. uvicorn and the size of the pool are as in the chassis.
"""

import os

import uvicorn
from fastapi import FastAPI
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from shop_bench.services.reference import PATH, Items, read

KEEP_ALIVE_SECONDS = 75


def application(database_url: str) -> FastAPI:
    """The handler and a pool."""
    url = make_url(database_url).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url, pool_size=10, max_overflow=0, isolation_level="AUTOCOMMIT")
    sessions = async_sessionmaker(engine, expire_on_commit=False, autoflush=False)
    app = FastAPI()

    @app.get(PATH)
    async def read_items(shelf: int) -> Items:
        """The items of a shelf."""
        async with sessions() as session:
            return await read(session, shelf)

    return app


if __name__ == "__main__":
    uvicorn.run(
        application(os.environ["DATABASE_URL"]),
        host=os.environ["LISTEN_ADDRESS"],
        port=int(os.environ["PORT"]),
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
