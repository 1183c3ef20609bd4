"""How a command reaches a service: the one it was told, that of a local shop, or that of the cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel

from shop.keys import from_cluster, from_file
from shop.kubectl import forwarded
from shop.local import FOLDER
from shop.local.addresses import find

M = TypeVar("M", bound=BaseModel)
SUBJECT = "administrator"
SECONDS = 300.0
"""How long the token of a command is valid."""


class NotDone(Exception):  # noqa: N818 - the message says what is wrong
    """The service did not do what was asked; says what it answered."""


@dataclass(frozen=True)
class Where:
    """Which shop a command is about."""

    url: str | None = None
    """Of the service itself."""
    token: str | None = None
    """For that."""
    folder: Path = FOLDER
    """Of a local shop; the cluster's when none runs there."""
    namespace: str = "shop"


@dataclass(frozen=True)
class Service:
    """A service's API for one command."""

    http: httpx.Client = field(repr=False)

    def get(self, answer: type[M], path: str, **query: Any) -> M:
        """Raises NotDone."""
        wanted = {name: value for name, value in query.items() if value not in (None, False)}
        return self._asked(answer, "GET", path, params=wanted)

    def post(self, answer: type[M], path: str, body: BaseModel | None = None) -> M:
        """Raises NotDone."""
        return self._asked(answer, "POST", path, json=body.model_dump(mode="json") if body else None)

    def _asked(self, kind: type[M], method: str, path: str, **options: Any) -> M:
        try:
            answer = self.http.request(method, path, **options)
        except httpx.TransportError as error:
            raise NotDone(f"{self.http.base_url}: {error or type(error).__name__}") from error
        if not answer.is_success:
            raise NotDone(_problem(answer))
        return kind.model_validate_json(answer.content)


@contextmanager
def service(name: str, where: Where, *, scope: str, port: int = 80) -> Iterator[Service]:
    """The API of a service. Raises NotDone, KeyProblem, NoCluster."""
    with _reached(name, where, scope, port) as (url, token):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False) as http:
            yield Service(http)


@contextmanager
def _reached(name: str, where: Where, scope: str, port: int) -> Iterator[tuple[str, str | None]]:
    local = find(where.folder)
    if where.url is not None:
        yield where.url, where.token
    elif local is not None:
        if name not in local.services:
            raise NotDone(f"the shop in {where.folder} has no {name}")
        yield local.services[name], from_file(local.private_key).token(SUBJECT, scope, seconds=SECONDS)
    else:
        token = from_cluster(where.namespace).token(SUBJECT, scope, seconds=SECONDS)
        with forwarded(name, where.namespace, port) as here:
            yield f"http://127.0.0.1:{here}", token


def _problem(answer: httpx.Response) -> str:
    try:
        said = answer.json().get("detail")
    except (ValueError, AttributeError):
        said = None
    return f"{answer.status_code} {said or answer.reason_phrase}"
