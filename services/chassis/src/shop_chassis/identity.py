"""Which service calls: a token of its Kubernetes ServiceAccount that was made for this service alone.

    router = APIRouter(prefix="/internal", dependencies=[internal("order-processing")])

docs/contracts.md says which files a pod is given. The cluster signs, the operator lists who may call, and
nobody is asked while a request runs. A user's token opens no such route: its issuer, audience and key differ.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog
from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from shop_chassis import context
from shop_chassis.auth import Verifier, bearer, refusal, verified
from shop_chassis.problems import Problem
from shop_chassis.settings import Settings

log = structlog.get_logger(__name__)

FILES = ("audience", "issuer", "jwks.json", "callers.json")


@dataclass(frozen=True, slots=True)
class Caller:
    """The service that calls."""

    service: str
    """Its ServiceAccount, which is called as the service unless its ShopService says otherwise."""
    namespace: str


@dataclass(frozen=True, slots=True)
class _Trust:
    """Whom the files say may call."""

    verifier: Verifier
    namespace: str
    callers: Mapping[str, Caller]
    """By the subject of the token."""


class Callers:
    """Those who may call this service, as its folder says now. One per service."""

    def __init__(self, folder: Path | None) -> None:
        """`folder`: as CALLERS; None knows nobody."""
        self._folder = folder
        self._seen: object = None
        self._trust: _Trust | None = None

    def trust(self) -> _Trust:
        """Reads the files again when they have changed. Raises Problem 503 where they cannot be used."""
        if self._folder is None:
            raise _unknown()
        try:
            seen = [
                (file.st_ino, file.st_mtime_ns) for file in (os.stat(self._folder / name) for name in FILES)
            ]
            if seen != self._seen:
                self._trust, self._seen = _read(self._folder), seen
        except (OSError, ValueError) as error:
            log.warning("callers unreadable", folder=str(self._folder), error=str(error))
            raise _unknown() from error
        assert self._trust is not None
        return self._trust


def _read(folder: Path) -> _Trust:
    audience, issuer, _, callers = ((folder / name).read_text().strip() for name in FILES)
    _, _, namespace = audience.partition(".")
    known = {str(subject): _caller(str(subject)) for subject in json.loads(callers)}
    return _Trust(Verifier(str(folder / "jwks.json"), issuer, audience), namespace, known)


def _caller(subject: str) -> Caller:
    parts = subject.split(":")
    if len(parts) != 4 or parts[:2] != ["system", "serviceaccount"]:
        raise ValueError(
            f"callers.json: expected system:serviceaccount:<namespace>:<name>, found {subject!r}"
        )
    return Caller(parts[3], parts[2])


def _unknown() -> Problem:
    return Problem(503, "callers cannot be recognised right now", headers={"Retry-After": "10"})


@dataclass(frozen=True)
class ServiceRequired(SecurityBase):
    """The dependency that `internal` makes."""

    services: frozenset[str]

    model = HTTPBearer(bearerFormat="JWT", description="A ServiceAccount's token.")
    scheme_name = "ServiceIdentity"

    async def __call__(self, request: Request) -> Caller:
        """FastAPI calls it for each request. Raises Problem 401, 403, 503."""
        token = bearer(request)
        if token is None:
            raise refusal(401, "expected the token of a service in Authorization: Bearer", "")
        callers: Callers = request.app.state.runtime.get(Callers)
        trust = callers.trust()
        subject = (await verified(trust.verifier, token)).subject
        caller = trust.callers.get(subject)
        if caller is None or not self.admits(caller, trust.namespace):
            raise refusal(403, f"{subject} may not call this", 'error="insufficient_scope"')
        if inherited := context.current():
            # What is sent was made for this service; a call to the next one must not take it for a user's.
            context.enter(replace(inherited, authorization=None))
        return caller

    def admits(self, caller: Caller, here: str) -> bool:
        """Whether the route is for this caller; `here` is the namespace that names without one mean."""
        name = f"{caller.service}.{caller.namespace}"
        return name in self.services or (caller.namespace == here and caller.service in self.services)


def internal(*services: str) -> Any:
    """A dependency: the Caller, one of these services; 401 without its token, 403 for every other.

    A name is that of a service in this one's namespace, or `name.namespace`. Raises ValueError without any.
    """
    if not services:
        raise ValueError("internal(): expected the names of the services that may call")
    return Depends(ServiceRequired(frozenset(services)))


class NoIdentity(Exception):  # noqa: N818 - named for what it says
    """There is no token for this callee; the message says where one was expected."""


@dataclass(frozen=True, slots=True)
class IdentityTokens:
    """The tokens by which this service is known to one callee."""

    folder: Path
    callee: str

    @classmethod
    def of(cls, settings: Settings, callee: str) -> "IdentityTokens | None":
        """As IDENTITY_TOKENS says; None when it is not set."""
        return cls(settings.identity_tokens, callee) if settings.identity_tokens else None

    def token(self) -> str:
        """As it is now: the file is replaced before the token in it expires. Raises NoIdentity."""
        pattern = self.callee if "." in self.callee else f"{self.callee}.*"
        try:
            return min(self.folder.glob(pattern)).read_text().strip()
        except (ValueError, OSError) as error:
            raise NoIdentity(f"no token in {self.folder / pattern}") from error
