"""The service against its document."""

import asyncio
from functools import partial
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from shop_chassis.store import opened
from shop_chassis.tables import utc_now
from shop_chassis.testing.access import Access, Route, routes_of
from shop_chassis.testing.openapi import check_openapi
from shop_contracts.user.api import Preferences
from shop_user.passwords import Passwords
from shop_user.service import UserSettings, service
from shop_user.tables import ACCOUNT

token = Access.token


def owner(route: Route) -> UUID:
    """Each route is called by somebody else: some of them end the caller's sessions, or the caller."""
    return uuid5(UUID(int=0), str(route))


async def everybody(settings: UserSettings, folder: Path) -> None:
    access = Access(service, settings, folder)
    await access.migrate()
    async with opened(settings, "user") as store, store.transaction() as session:
        for route in routes_of(access.app()):
            await session.execute(
                ACCOUNT.insert().values(
                    id=owner(route),
                    email=f"{owner(route)}@example.com",
                    email_key=f"{owner(route)}@example.com",
                    name="",
                    scopes=[],
                    preferences=Preferences().model_dump(mode="json"),
                    created_at=utc_now(),
                    version=1,
                )
            )


def test_the_service_is_as_its_document_says(
    settings: UserSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asyncio.run(everybody(settings, tmp_path))
    monkeypatch.setattr("shop_user.service.Passwords", partial(Passwords, memory_kib=64))
    monkeypatch.setattr(Access, "token", lambda access, route: token(access, route, str(owner(route))))
    check_openapi(service, settings, tmp_path, examples=2)
