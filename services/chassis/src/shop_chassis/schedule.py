"""What one replica does now and then.

    runtime.add(Schedule("lapsed reservations", 30, expire, runtime))

One connection per service holds an advisory lock for all its schedules, as the relay's does. A replica that
dies gives it up with its connection, and another one goes on. For a moment both may run a job: the one that
has lost the lock cancels its own when it notices. So a job does what it does in transactions, and is harmless
when it runs again. A service without PostgreSQL has one replica, or each of them runs the jobs.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from prometheus_client import Counter
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shop_chassis.events.dialect import lock_key
from shop_chassis.runtime import Background, Runtime, heed_cancellation
from shop_chassis.store import first_line

log = structlog.get_logger(__name__)

GRACE_SECONDS = 2.0
"""For a job to end when the service stops; one that is cut off leaves a connection that nobody gives back."""
CHECK_SECONDS = 5.0
"""Between two tries to get the lock or, for who has it, to notice that it is lost."""


class Leader(Background):
    """Holds the lock while it can; one per service, made with its first schedule."""

    def __init__(self, runtime: Runtime[Any]) -> None:
        super().__init__("leader of schedules", self._run)
        self._store = runtime.store
        self.runs = Counter(
            "schedule_runs",
            "Turns of what one replica does now and then, by this one.",
            ["name", "outcome"],
            registry=runtime.metrics,
        )
        self._leads = asyncio.Event()
        self._lost = asyncio.Event()

    async def run(self, job: Callable[[], Awaitable[object]]) -> None:
        """Runs it once this replica leads. Raises what it raises, CancelledError when the lock is lost."""
        await self._leads.wait()
        work, lost = asyncio.ensure_future(job()), asyncio.ensure_future(self._lost.wait())
        try:
            await asyncio.wait((work, lost), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:  # the service stops: most jobs are done in a moment
            await asyncio.wait((work,), timeout=GRACE_SECONDS)
            raise
        finally:
            lost.cancel()
            work.cancel()  # does nothing to one that is done
            await asyncio.wait((work,))
        work.result()

    async def _run(self) -> None:
        if self._store.engine.dialect.name != "postgresql":
            self._leads.set()  # SQLite has one process
            await asyncio.get_running_loop().create_future()
        while True:
            try:
                async with self._store.engine.connect() as connection:
                    try:
                        await self._hold(connection)
                    finally:
                        self._leads.clear()
                        self._lost.set()
                        await connection.invalidate()  # the lock goes with it
            # Drivers raise their own kinds; whatever it was, another try is all that helps.
            except Exception as error:
                log.warning("schedules are interrupted", error=first_line(error))
            heed_cancellation()
            await asyncio.sleep(CHECK_SECONDS)

    async def _hold(self, connection: AsyncConnection) -> None:
        """Asks for the lock again and again: who has it is given it, and notices when the server has gone."""
        lock = select(func.pg_try_advisory_lock(lock_key("schedules")))
        while True:
            async with connection.begin():
                held = (await connection.execute(lock)).scalar_one()
            if held:
                self._lost.clear()
                self._leads.set()
            await asyncio.sleep(CHECK_SECONDS)


class Schedule(Background):
    """A component: begins `job` every so many seconds, never twice at a time."""

    def __init__(
        self, name: str, every: float, job: Callable[[], Awaitable[object]], runtime: Runtime[Any]
    ) -> None:
        """A job that fails is logged, counted, and run again at its next turn."""
        super().__init__(f"schedule {name}", self._run)
        self._job_name = name
        self._every = every
        self._job = job
        self._leader = runtime.shared(Leader, lambda: runtime.add(Leader(runtime)))
        self._done, self._failed = (self._leader.runs.labels(name, each) for each in ("done", "failed"))
        runtime.ready_when(self.name, self.problem)

    async def _run(self) -> None:
        while True:
            began = time.monotonic()
            try:
                await self._leader.run(self._job)
            except asyncio.CancelledError:
                if (task := asyncio.current_task()) and task.cancelling():
                    raise
                log.warning("interrupted, another replica goes on", schedule=self._job_name)
            # Whatever a job raises: the others, and its own next turn, must not suffer from it.
            except Exception:
                log.exception("scheduled job failed", schedule=self._job_name)
                self._failed.inc()
            else:
                self._done.inc()
            heed_cancellation()
            await asyncio.sleep(max(0.0, began + self._every - time.monotonic()))
