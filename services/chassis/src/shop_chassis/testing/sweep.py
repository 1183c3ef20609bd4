"""Every route of a service, tried by those who must not get in.

async def test_nobody_gets_in_who_should_not(tmp_path: Path) -> None:
    await sweep(service, Settings(database_url=…), tmp_path, public={"GET /products", "GET /products/{id}"})
"""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

import httpx

from shop_chassis.limits import Limits
from shop_chassis.service import Service
from shop_chassis.settings import Settings
from shop_chassis.signing import ServiceAccounts, Signer
from shop_chassis.testing.access import STRANGER, Access, Route, Unlimited, routes_of
from shop_chassis.testing.trespass import SOMETHING


async def sweep(service: Service, settings: Settings, folder: Path, *, public: Collection[str]) -> None:
    """Asks each route without a token, and with each kind of token that must not open it: 401 or 403, nothing
    else; and with the one that opens it: neither. Keys are written to `folder`.

    `public` are the routes that answer without a token, as `GET /products/{id}`; all of them and no other.
    Raises AssertionError that names each route and token.
    """
    access = Access(service, settings, folder)
    await access.migrate()
    app = access.app()
    app.state.runtime.provide(Unlimited(settings), Limits)
    routes = routes_of(app)
    assert routes, f"{service.name} has no routes: there is nothing to try"
    faults = [f"{each} is open, but not listed as public" for each in _open(routes) - set(public)]
    faults += [f"{each} is listed as public, but asks for a token" for each in set(public) - _open(routes)]
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://swept") as client,
    ):
        for route in routes:
            for what, token, expected in _tries(access, route):
                headers = {} if token is None else {"Authorization": f"Bearer {token}"}
                path = re.sub(r"{[^}]*}", SOMETHING, route.path)
                status = (await client.request(route.method, path, headers=headers)).status_code
                if status not in expected:
                    faults.append(f"{route}, {what}: answered {status}")
    assert not faults, f"{service.name}: {len(faults)} doors that are not as they should be\n" + "\n".join(
        faults
    )


NOT_KNOWN, NOT_ALLOWED = {401}, {403}
LET_IN = set(range(200, 600)) - NOT_KNOWN - NOT_ALLOWED - {405}
"""Whatever comes of a request without a body; but it has reached its route."""


def _open(routes: Collection[Route]) -> set[str]:
    return {str(route) for route in routes if route.open}


def _tries(access: Access, route: Route) -> Iterator[tuple[str, str | None, Collection[int]]]:
    """What is tried, the token, and what may be answered."""
    if not route.needs:
        return
    yield "with a token that opens it", access.token(route), LET_IN
    if not route.open:
        yield "without a token", None, NOT_KNOWN
    yield "with what is no token", "abc", NOT_KNOWN
    yield from (_as_service if route.callers else _as_user)(access, route)


def _as_user(access: Access, route: Route) -> Iterator[tuple[str, str | None, Collection[int]]]:
    users, scopes = access.users, " ".join(sorted(route.scopes))
    yield "with an expired token", users.token("ann", scopes, seconds=-60), NOT_KNOWN
    yield "with a token of another issuer", users.token("ann", scopes, issuer="other"), NOT_KNOWN
    yield "with a token for another audience", users.token("ann", scopes, audience="other"), NOT_KNOWN
    yield "with a token of another key", Signer.generate().token("ann", scopes), NOT_KNOWN
    yield "as a service", access.services.token(STRANGER, access.service.name), NOT_KNOWN
    if route.scopes:
        yield "without the scope", users.token("ann", "other"), NOT_ALLOWED


def _as_service(access: Access, route: Route) -> Iterator[tuple[str, str | None, Collection[int]]]:
    services, me, caller = access.services, access.service.name, min(route.callers)
    yield "with an expired token", services.token(caller, me, seconds=-60), NOT_KNOWN
    yield "with a token for another service", services.token(caller, "other"), NOT_KNOWN
    yield "with a token of another cluster", ServiceAccounts().token(caller, me), NOT_KNOWN
    yield "as a user", access.users.token(services.subject(caller), f"shop {me}:admin"), NOT_KNOWN
    yield "as another service", services.token(STRANGER, me), NOT_ALLOWED
