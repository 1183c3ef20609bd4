"""`shop local`, from the first port to the last line."""

import asyncio
import fcntl
import os
import shutil
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, suppress
from enum import Enum
from pathlib import Path
from time import monotonic

import uvloop
from shop_chassis.logs import configure_logs
from shop_chassis.server import CannotListen, listen
from shop_chassis.settings import Settings
from shop_chassis.signing import Signer

from shop.demo import A_FEW
from shop.local import StartFailed, console
from shop.local.addresses import CONSOLE
from shop.local.members import MEMBERS, Member
from shop.local.place import HOST, Login, Place
from shop.local.shop import Loaded, load, migrate, running
from shop.seed import Seeded, SeedFailed, seed, seed_drawn
from shop.text import table

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Demo(Enum):
    """How much demo data there is."""

    NONE = "none"
    FEW = "few"
    """A product of each kind, without pictures."""
    ALL = "all"
    """The others, and pictures, come while the shop runs already."""


def local(
    folder: Path,
    *,
    first_port: int,
    fresh: bool = False,
    demo_data: Demo = Demo.ALL,
    members: Sequence[Member] = MEMBERS,
) -> None:
    """Runs the shop until SIGINT or SIGTERM; `fresh` forgets what was there before. Raises StartFailed."""
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder), ExitStack() as stack:
        if fresh:
            _clear(folder)
        names = [CONSOLE, *(member.name for member in members)]
        listeners = {name: stack.enter_context(listener) for name, listener in _bind(names, first_port)}
        place = Place(folder, {name: listener.getsockname()[1] for name, listener in listeners.items()})
        log = stack.enter_context(place.log.open("a"))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, redirect_stderr(log):
            configure_logs(Settings(log_format="json"), "local")
            with suppress(asyncio.CancelledError):
                runner.run(_run(place, members, listeners, demo_data))


async def _run(
    place: Place, members: Sequence[Member], listeners: dict[str, socket.socket], demo_data: Demo
) -> None:
    _cancelled_by_signals()
    began = monotonic()
    signer, admin = place.write_keys(members), place.write_admin()
    settings = Settings(pod_name=CONSOLE, events_url="memory://", log_access=False, drain_seconds=0)
    services = [Loaded(console.service, settings), *(load(member, place) for member in members)]
    for each in services:
        await migrate(each)
    async with running(services, listeners):
        try:
            urls = {each.service.name: place.url(each.service.name) for each in services}
            few = demo_data is not Demo.NONE
            seeded = await seed(urls, signer, A_FEW) if few else Seeded(["no demo data"])
        except SeedFailed as error:
            raise StartFailed(f"demo data: {error}") from error
        place.announce()
        try:
            print(_table(place, services, seeded, admin, monotonic() - began), flush=True)
            if demo_data is Demo.ALL:
                await _go_on(urls, signer)
            await asyncio.Event().wait()
        finally:
            place.withdraw()


async def _go_on(urls: dict[str, str], signer: Signer) -> None:
    """The other demo products, and pictures of all, while somebody looks around already."""
    began = monotonic()
    try:
        told = "; ".join(await seed_drawn(urls, signer))
    except SeedFailed as error:
        told = f"the rest of the demo data: {error}"
    print(f"{told} ({monotonic() - began:.0f} s)", flush=True)


def _cancelled_by_signals() -> None:
    """The first signal ends everything in order; a second one ends the process."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def stop() -> None:
        for number in SIGNALS:
            loop.add_signal_handler(number, os._exit, 128 + number)
        task.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, stop)


def _bind(names: Sequence[str], first_port: int) -> Iterator[tuple[str, socket.socket]]:
    for offset, name in enumerate(names):
        try:
            yield name, listen(HOST, first_port + offset if first_port else 0)
        except CannotListen as error:
            reason = str(error).partition(";")[0]
            raise StartFailed(
                f"{name}: {reason}; --port names another first one, 0 takes free ones"
            ) from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two shops on the same databases would undo each other's work."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartFailed(
                f"a shop runs on {folder} already: end it, or name another with --dir"
            ) from None
        yield


def _clear(folder: Path) -> None:
    for old in [*folder.glob("*.sqlite3*"), folder / "shop.log"]:
        old.unlink(missing_ok=True)
    for name in ("keys", "identity", "first-admin", "media"):
        shutil.rmtree(folder / name, ignore_errors=True)


def _table(place: Place, services: Sequence[Loaded], seeded: Seeded, admin: Login, seconds: float) -> str:
    rows = [
        (each.service.name, place.url(each.service.name), each.service.title or each.service.name)
        for each in services
    ]
    logins = [("administrator", *admin)]
    if seeded.shopper is not None:
        logins.append(("shopper", *seeded.shopper))
    key = place.private_key
    blocks = [
        f"The shop: {place.url('storefront')}",
        f"{len(services)} services, ready in {seconds:.1f} s; {'; '.join(seeded.told)}",
        table(("SERVICE", "ADDRESS", ""), rows),
        table(("LOGIN", "E-MAIL", "PASSWORD"), logins),
        "An API's documentation is at /docs; the mails that the shop has sent are in the mailbox.\n"
        f"A token of any kind: shop token --key {key} --scope catalog:admin\n"
        f"Log: {place.log}",
        "Ctrl-C ends it.",
    ]
    return "\n\n".join(blocks)
