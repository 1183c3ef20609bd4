"""What has served its time is gone, what has not stays."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from shop_chassis.tables import utc_now
from shop_user import sweep
from shop_user.family import Lifetimes
from shop_user.tables import ATTEMPTS, PENDING, REFRESH_TOKEN, SESSION
from sqlalchemy import func, select, update

both = pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
LIFETIMES = Lifetimes(timedelta(days=30), timedelta(days=180))
TABLES = (SESSION, REFRESH_TOKEN, PENDING, ATTEMPTS)


async def counts(shop: Any) -> list[int]:
    async with shop.runtime.store.session() as session:
        return [
            (await session.execute(select(func.count()).select_from(table))).scalar_one() for table in TABLES
        ]


@both
async def test_a_sweep_removes_what_is_over(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "MOST", 2)  # so that it takes several turns
    job = sweep.Sweep(shop.runtime.store, LIFETIMES)
    guests = [(await shop.http.post("/guests")).json() for _ in range(6)]
    for _ in range(2):
        guests[0] = (await shop.refresh(guests[0]["refresh_token"])).json()
    for name in ("ann", "ben", "cid", "dan", "eve"):
        await shop.register(f"{name}@example.com")
    await job.run()
    assert await counts(shop) == [6, 8, 5, 5]
    now = utc_now()

    async def age(number: int, **columns: datetime) -> None:
        async with shop.runtime.store.transaction() as session:
            this = SESSION.c.subject == guests[number]["subject"]
            await session.execute(update(SESSION).where(this).values(**columns))

    await age(0, expires_at=now - timedelta(seconds=1))
    await age(1, used_at=now - LIFETIMES.idle - timedelta(seconds=1))
    await age(2, ended_at=now - sweep.ENDED_KEPT - timedelta(seconds=1))
    await age(3, ended_at=now - sweep.ENDED_KEPT + timedelta(hours=1), used_at=now - timedelta(days=100))
    await age(4, used_at=now - LIFETIMES.idle + timedelta(hours=1))
    async with shop.runtime.store.transaction() as session:
        kept = PENDING.c.email != "ann@example.com"
        await session.execute(update(PENDING).where(kept).values(expires_at=now - timedelta(seconds=1)))
        old = now - sweep.COUNTS_KEPT - timedelta(seconds=1)
        await session.execute(update(ATTEMPTS).values(updated_at=old))
    await job.run()
    assert await counts(shop) == [3, 3, 1, 0]
    assert (await shop.refresh(guests[5]["refresh_token"])).status_code == 200
