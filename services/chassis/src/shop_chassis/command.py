"""`python -m shop_<name> serve | migrate`: exit code 0 for done, 1 for failed, 2 for a wrong call.

A service may have commands of its own: main(service, extra={"train": Command("make a model", train)}).
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shop_chassis import server
from shop_chassis.logs import configure_logs
from shop_chassis.migrations import MigrationError
from shop_chassis.service import Service, create_app
from shop_chassis.settings import Settings, SettingsError, load
from shop_chassis.store import DATABASE_ERRORS, first_line, opened


@dataclass(frozen=True)
class Command:
    """Something that a service does besides serving: a process that ends."""

    help: str
    run: Callable[[Any], Coroutine[Any, Any, str]]
    """Given the service's settings; the line that it returns is printed. May raise DATABASE_ERRORS."""


def main(
    service: Service, arguments: Sequence[str] | None = None, *, extra: Mapping[str, Command] | None = None
) -> int:
    """Runs the command that is named; errors that a person can mend are one line on stderr."""
    parser = argparse.ArgumentParser(prog=f"python -m shop_{service.name.replace('-', '_')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    commands.add_parser("serve", help="answer requests and follow events until SIGTERM")
    commands.add_parser("migrate", help="bring the database to this version's schema, then end")
    own = extra or {}
    for name, command in own.items():
        commands.add_parser(name, help=command.help)
    draft = commands.add_parser("draft-migration", help="write what the tables differ by; then read it")
    draft.add_argument("message", help="what it does, in a few words")
    chosen = parser.parse_args(arguments)
    try:
        settings = load(service.settings)
        configure_logs(settings, service.name)
        if chosen.command == "serve":
            return server.serve(create_app(service, settings), settings)
        if chosen.command in own:
            return asyncio.run(_own(service, own[chosen.command], settings))
        return asyncio.run(_on_database(service, settings, getattr(chosen, "message", None)))
    except (SettingsError, MigrationError, server.CannotListen) as error:
        print(f"{service.name} {chosen.command}: {error}", file=sys.stderr)
        return 1
    except DATABASE_ERRORS as error:
        if chosen.command not in own:
            raise
        print(f"{service.name} {chosen.command}: {first_line(error)}", file=sys.stderr)
        return 1


async def _own(service: Service, command: Command, settings: Settings) -> int:
    print(f"{service.name}: {await command.run(settings)}")
    return 0


async def _on_database(service: Service, settings: Settings, draft: str | None) -> int:
    if service.migrations is None:
        print(f"{service.name} has no database: nothing to migrate")
        return 0
    async with opened(settings, service.name) as store:
        if draft:
            path = await service.migrations.draft(store, draft)
            print(f"wrote {path}" if path else "the tables are as the code has them")
            return 0
        applied = await service.migrations.upgrade(store, wait=settings.migrate_wait_seconds)
    print(
        f"{service.name}: applied {', '.join(applied)}"
        if applied
        else f"{service.name}: schema is up to date"
    )
    return 0
