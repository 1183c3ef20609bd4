"""A service while it runs: settings, store, what was made for its handlers, what runs beside them."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Generic, Protocol, TypeVar, cast

import structlog
from fastapi import Depends, Request
from prometheus_client import CollectorRegistry

from shop_chassis.settings import Settings
from shop_chassis.store import Store
from shop_chassis.tracing import Tracer

if TYPE_CHECKING:
    from shop_chassis.events.bus import Bus

log = structlog.get_logger(__name__)

T = TypeVar("T")
S = TypeVar("S", bound=Settings)
Check = Callable[[], str | None] | Callable[[], Awaitable[str | None]]
"""Says why the service cannot do its work right now; None when it can."""


class Component(Protocol):
    """Something that lives as long as the service: a relay, a consumer, a client's connections."""

    async def start(self) -> None:
        """Begins; returns at once. A neighbour that is down is no reason to raise: wait for it."""

    async def stop(self) -> None:
        """Ends what was begun, in bounded time."""


C = TypeVar("C", bound=Component)

CHECK_SECONDS = 2.0
"""For a check to answer: as long as the kubelet waits for /readyz, to which a later yes is a no."""
STOP_SECONDS = 25.0
"""For a component to end what it has in hand; then it is told again to stop."""


def heed_cancellation() -> None:
    """For loops that catch every error: raises CancelledError in a task that was cancelled before.

    A cancellation is one exception, raised once. Where a library raises another while it cleans up, or as its
    connection fails in the same moment, that one is all the loop sees, and it would go on for ever.
    """
    task = asyncio.current_task()
    if task and task.cancelling():
        raise asyncio.CancelledError


@dataclass
class Runtime(Generic[S]):
    """What a service's `setup` fills and its handlers use."""

    settings: S
    store: Store
    """Made for every service, connected only when used."""
    metrics: CollectorRegistry
    bus: "Bus | None" = None
    """Shared with other services of the process; else the first who needs one makes it (`events.bus_of`)."""
    tracer: Tracer = field(default_factory=Tracer)
    draining: bool = False
    """SIGTERM has come: not ready any more, still answering."""
    _able: bool | None = None
    _components: list[Component] = field(default_factory=list)
    _checks: dict[str, Check] = field(default_factory=dict)
    _provided: dict[type, object] = field(default_factory=dict)

    def add(self, component: C) -> C:
        """Started with the service in the order of adding, stopped in reverse."""
        self._components.append(component)
        return component

    def ready_when(self, name: str, check: Check) -> None:
        """/readyz asks this too."""
        self._checks[name] = check

    def provide(self, value: object, as_type: type | None = None) -> None:
        """Makes `value` available to handlers as `Annotated[T, provided(T)]`."""
        self._provided[as_type or type(value)] = value

    def get(self, kind: type[T]) -> T:
        """What was provided for that type. Raises LookupError."""
        try:
            return cast(T, self._provided[kind])
        except KeyError:
            raise LookupError(f"no {kind.__name__} was provided in the service's setup") from None

    def shared(self, kind: type[T], make: Callable[[], T]) -> T:
        """What was provided for that type; the first who asks makes it."""
        if kind not in self._provided:
            self._provided[kind] = make()
        return self.get(kind)

    async def start(self) -> None:
        """Starts the components."""
        for component in self._components:
            await component.start()

    async def stop(self) -> None:
        """Stops everything, also when one of them fails to."""
        components = [component.stop for component in reversed(self._components)]
        for stop in [*components, self.store.stop, self.tracer.stop]:
            try:
                await stop()
            except Exception:
                log.exception("could not stop", component=stop.__qualname__)

    async def problems(self) -> list[str]:
        """Why the service is not ready, one reason each; empty when it is."""
        if self.draining:
            return ["shutting down"]
        answers = await asyncio.gather(*(_ask(name, check) for name, check in self._checks.items()))
        found = [answer for answer in answers if answer]
        if self._able is not None or not found:
            self._able = not found
        return found

    @property
    def ready(self) -> bool | None:
        """What `problems` found last; None before it first found none, and from SIGTERM on.

        Who starts or goes is not one who should do his work and cannot.
        """
        return None if self.draining else self._able


async def _ask(name: str, check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            answer = check()
            problem = await answer if inspect.isawaitable(answer) else answer
    except TimeoutError:
        problem = f"no answer within {CHECK_SECONDS:g} s"
    except Exception as error:
        log.exception("readiness check failed", check=name)
        problem = type(error).__name__
    return f"{name}: {problem}" if problem else None


class Background:
    """A component that is one coroutine, run until the service stops.

    It is not meant to end: when it does, or fails, that is logged and readiness says so.
    """

    def __init__(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.name = name
        self._run = run
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to run it."""
        self._task = asyncio.create_task(self._run(), name=self.name)
        self._task.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Cancels it and waits for its end; again when the cancellation got lost."""
        while self._task and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task], timeout=STOP_SECONDS)

    def problem(self) -> str | None:
        """Why it does not run; None when it does."""
        if self._task is None or self._task.cancelled():
            return "is not running"
        if self._task.done():
            return f"has ended: {self._task.exception() or 'without an error'}"
        return None

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            log.error("background task has ended", task=self.name, exc_info=task.exception())


def runtime_of(request: Request) -> Runtime[Any]:
    """The runtime of the service that answers this request."""
    return cast(Runtime[Any], request.app.state.runtime)


def provided(kind: type[T]) -> Any:
    """A dependency: what `setup` provided for that type."""

    async def dependency(request: Request) -> T:
        return runtime_of(request).get(kind)

    return Depends(dependency)


async def _store(request: Request) -> Store:
    return runtime_of(request).store


StoreDep = Annotated[Store, Depends(_store)]
"""The service's store, as a parameter of a handler."""
