"""The ShopService itself, and how one is read from what the API server or a file gives."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from shop_operator.api.base import Model, Rule
from shop_operator.api.jobs import CRONJOB_NAME_LENGTH
from shop_operator.api.spec import ShopServiceSpec
from shop_operator.api.status import ShopServiceStatus

GROUP = "shopservice.dev"
VERSION = "v1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "ShopService"
PLURAL = "shopservices"

NAME_PATTERN = "^[a-z]([-a-z0-9]*[a-z0-9])?$"
NAME_LENGTH = 40
"""The names of children are longer than the service's own, and have to fit into 63 characters."""
POSTGRES_NAMES = ("postgres", "template0", "template1", "public", "none")
"""Roles and databases that every server has, or that none may have: the service's are named as itself."""


class Metadata(BaseModel):
    """The part of metadata that the operator uses."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    namespace: str = "default"
    uid: str = ""
    """Empty when read from a file: children then carry no ownerReference."""
    generation: int = 0
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class ShopService(Model):
    """One microservice and all that it needs: Deployment, Service, autoscaler, database, cache, network
    policy, disruption budget, monitoring, alerts, dashboard."""

    model_config = ConfigDict(extra="ignore")

    metadata: Metadata
    spec: ShopServiceSpec
    """What the service is and needs. Only `image` must be given."""
    status: ShopServiceStatus = ShopServiceStatus()
    """What the operator found and did; look at `conditions` first. Written by the operator alone."""

    rules: ClassVar = (
        Rule(
            field="metadata.name",
            message=f"metadata.name must be at most {NAME_LENGTH} characters: its children's are longer",
            cel=f"self.metadata.name.size() <= {NAME_LENGTH}",
            holds=lambda shop: len(shop.metadata.name) <= NAME_LENGTH,
        ),
        Rule(
            field="metadata.name",
            message="metadata.name must be lower-case letters, digits and dashes, beginning with a letter",
            cel=f"self.metadata.name.matches('{NAME_PATTERN}')",
            holds=lambda shop: re.fullmatch(NAME_PATTERN, shop.metadata.name) is not None,
        ),
        Rule(
            field="metadata.name",
            message="metadata.name of a service with a database must be none of PostgreSQL's own: "
            + ", ".join(POSTGRES_NAMES),
            cel=f"!has(self.spec.database) || !(self.metadata.name in {list(POSTGRES_NAMES)})",
            holds=lambda shop: shop.spec.database is None or shop.metadata.name not in POSTGRES_NAMES,
        ),
        Rule(
            field="spec.jobs",
            message=f"spec.jobs must have names of which each, after the service's and a dash, is at most"
            f" {CRONJOB_NAME_LENGTH} characters: a CronJob's name can be no longer",
            cel="!has(self.spec.jobs) || self.spec.jobs.all(j,"
            f" self.metadata.name.size() + j.name.size() < {CRONJOB_NAME_LENGTH})",
            holds=lambda shop: all(
                len(shop.metadata.name) + len(job.name) < CRONJOB_NAME_LENGTH for job in shop.spec.jobs
            ),
        ),
        Rule(
            field="spec.database.shared.service",
            message="spec.database.shared.service must be another ShopService: mode dedicated gives this one"
            " a database of its own",
            cel="!has(self.spec.database) || !has(self.spec.database.shared)"
            " || self.spec.database.shared.service != self.metadata.name",
            holds=lambda shop: (
                shop.spec.database is None
                or shop.spec.database.shared is None
                or shop.spec.database.shared.service != shop.metadata.name
            ),
        ),
    )

    @property
    def name(self) -> str:
        """Name of the service, and of most of its children."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """Namespace of the service and of all its children."""
        return self.metadata.namespace


class InvalidSpec(ValueError):  # noqa: N818 - reads as the condition's reason, which is the same word
    """A ShopService that cannot be acted upon."""

    def __init__(self, errors: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{field}: {message}" for field, message in errors))
        self.errors = errors
        """The path of each field that is wrong (`spec.autoscaling.min`), and what is expected there."""


def parse(obj: Mapping[str, Any]) -> ShopService:
    """Read a ShopService; raises InvalidSpec with all that is wrong with it.

    The API server has checked the same by the CRD; this is for files, and for objects that were stored
    under an older CRD.
    """
    try:
        shop = ShopService.model_validate(_without_nulls(obj))
    except ValidationError as error:
        raise InvalidSpec([_explained(dict(found)) for found in error.errors(include_url=False)]) from None
    broken = [(path, rule.message) for path, rule in _broken(shop, "")]
    if broken:
        raise InvalidSpec(broken)
    return shop


def _broken(model: Model, path: str) -> Iterator[tuple[str, Rule]]:
    for rule in model.rules:
        if rule.holds is not None and not rule.holds(model):
            yield ".".join(filter(None, (path, rule.field))), rule
    for name, value in model.__dict__.items():
        if isinstance(value, Model):
            yield from _broken(value, _below(model, path, name))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, Model):
                    yield from _broken(item, f"{_below(model, path, name)}[{index}]")


def _below(model: Model, path: str, name: str) -> str:
    shown = type(model).model_fields[name].alias or name
    return f"{path}.{shown}" if path else shown


def _explained(found: dict[str, Any]) -> tuple[str, str]:
    path = ""
    for part in found["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    if found["type"] == "extra_forbidden":
        return path, "unknown field"
    if found["type"] == "missing":
        return path, "required"
    message = found["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(found["input"], dict | list) else f", found {found['input']!r}"
    return path, message[:1].lower() + message[1:] + shown


def _without_nulls(value: Any) -> Any:
    """Null is "not given", as the API server has it."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
