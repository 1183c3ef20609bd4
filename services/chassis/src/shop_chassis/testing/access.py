"""Who may call what, as a service's routes declare it, and keys by which a test is whoever it needs to be."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from shop_chassis.auth import UserOptional, UserRequired
from shop_chassis.identity import ServiceRequired
from shop_chassis.limits import Limits, Rate
from shop_chassis.service import Service, create_app
from shop_chassis.settings import Settings
from shop_chassis.signing import ServiceAccounts, Signer
from shop_chassis.store import opened

Need = UserRequired | UserOptional | ServiceRequired
STRANGER = "stranger"
"""A service that may call, but that no route names."""


@dataclass(frozen=True)
class Route:
    """One method of one path of a service's API."""

    method: str
    path: str
    pattern: re.Pattern[str]
    needs: tuple[Need, ...]
    """What its dependencies, and theirs, ask of a caller."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def open(self) -> bool:
        """Whether it answers without a token, as one does that takes a token or none."""
        return all(isinstance(need, UserOptional) for need in self.needs)

    @property
    def scopes(self) -> frozenset[str]:
        """All that its dependencies name."""
        return frozenset[str]().union(*(need.scopes for need in self.needs if isinstance(need, UserRequired)))

    @property
    def callers(self) -> frozenset[str]:
        """The services that it is for; none for a user's route."""
        named = [need.services for need in self.needs if isinstance(need, ServiceRequired)]
        return frozenset.intersection(*named) if named else frozenset()


def routes_of(app: FastAPI) -> list[Route]:
    """Every route of the application's OpenAPI document."""
    return [
        Route(method, str(route.path_format), route.path_regex, tuple(_needs(route.dependant)))
        for route in iter_route_contexts(app.routes)
        if getattr(route, "dependant", None) is not None and route.include_in_schema
        for method in sorted(route.methods or ())
    ]


def _needs(dependant: Dependant) -> Iterator[Need]:
    for each in dependant.dependencies:
        if isinstance(each.call, Need):
            yield each.call
        yield from _needs(each)


class Unlimited(Limits):
    """What happens above a rate limit is another test's matter."""

    async def take(self, what: str, who: str, rate: Rate) -> None:
        """Everybody passes."""


@dataclass
class Access:
    """A service with a database of its own schema and keys that the test has; `settings` says the rest."""

    service: Service
    settings: Settings
    folder: Path
    users: Signer = field(default_factory=Signer.generate)
    services: ServiceAccounts = field(default_factory=ServiceAccounts)

    def app(self) -> FastAPI:
        """The application, which knows these keys."""
        changed = {"auth_jwks": str(self.folder / "users.json"), "callers": self.folder, "log_access": False}
        app = create_app(self.service, self.settings.model_copy(update=changed))
        callers = {STRANGER}.union(*(route.callers for route in routes_of(app)))
        self.services.write_callers(self.folder, self.service.name, callers)
        (self.folder / "users.json").write_text(self.users.jwks)
        return app

    async def migrate(self) -> None:
        """Makes the tables."""
        if self.service.migrations:
            async with opened(self.settings, self.service.name) as store:
                await self.service.migrations.upgrade(store, wait=10)

    def token(self, route: Route, subject: str = "ann") -> str:
        """One that opens the route."""
        if route.callers:
            return self.services.token(min(route.callers), self.service.name)
        return self.users.token(subject, " ".join(sorted(route.scopes)))
