"""`python -m shop_<name> serve | migrate`: exit code 0 for done, 1 for failed, 2 for a wrong call."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from shop_chassis import server
from shop_chassis.logs import configure_logs
from shop_chassis.migrations import MigrationError
from shop_chassis.service import Service, create_app
from shop_chassis.settings import Settings, SettingsError, load
from shop_chassis.store import opened


def main(service: Service, arguments: Sequence[str] | None = None) -> int:
    """Runs the command that is named; errors that a person can mend are one line on stderr."""
    parser = argparse.ArgumentParser(prog=f"python -m shop_{service.name.replace('-', '_')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    commands.add_parser("serve", help="answer requests and follow events until SIGTERM")
    commands.add_parser("migrate", help="bring the database to this version's schema, then end")
    chosen = parser.parse_args(arguments)
    try:
        settings = load(service.settings)
        configure_logs(settings, service.name)
        if chosen.command == "serve":
            return server.serve(create_app(service, settings), settings)
        return asyncio.run(_migrate(service, settings))
    except (SettingsError, MigrationError, server.CannotListen) as error:
        print(f"{service.name} {chosen.command}: {error}", file=sys.stderr)
        return 1


async def _migrate(service: Service, settings: Settings) -> int:
    if service.migrations is None:
        print(f"{service.name} has no database: nothing to migrate")
        return 0
    async with opened(settings, service.name) as store:
        applied = await service.migrations.upgrade(store, wait=settings.migrate_wait_seconds)
    print(
        f"{service.name}: applied {', '.join(applied)}"
        if applied
        else f"{service.name}: schema is up to date"
    )
    return 0
