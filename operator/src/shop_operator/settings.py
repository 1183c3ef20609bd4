"""The operator's own settings: flags, SHOP_OPERATOR_* variables, defaults, in this order."""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

PREFIX = "SHOP_OPERATOR_"


class Settings(BaseModel):
    """Where the operator's surroundings are, and how it runs. Each docstring is the flag's help."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    prometheus_url: str = "http://prometheus.monitoring.svc:9090"
    """Prometheus that holds the services' metrics; KEDA asks it"""
    events_url: str = "nats://nats.nats.svc:4222"
    """broker, given to services with `events`"""
    events_monitoring: str = "nats.nats.svc:8222"
    """host:port of the broker's monitoring; KEDA reads the queues' lag there"""
    events_namespace: str = "nats"
    """namespace of the broker; empty when it is outside the cluster"""
    events_cidr: Annotated[str, Field(pattern=r"^$|^[0-9a-fA-F.:]+/[0-9]{1,3}$")] = ""
    """addresses of a broker outside the cluster, such as 10.1.0.0/16; empty: any"""
    dns_namespace: str = "kube-system"
    """namespace of the cluster's DNS; pods may ask it, and caches at link-local addresses of their nodes"""
    monitoring_namespace: str = "monitoring"
    """namespace of Prometheus, which may reach the metrics ports"""
    postgres_image: str = "shop/postgres:{version}"
    """image of PostgreSQL, Debian-based; {version} becomes spec.database.version"""
    redis_image: str = "shop/redis:7"
    """image of Redis"""
    postgres_exporter_image: str = ""
    """image of postgres_exporter, which stands beside every database; empty: none does"""
    redis_exporter_image: str = ""
    """image of redis_exporter, which stands beside every cache; empty: none does"""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """when to pull the images of PostgreSQL, Redis and their exporters"""
    runbook_url: str = "docs/runbooks"
    """where the alerts' runbooks are: a folder or URL that holds services.md"""
    copied_labels: str = "skaffold.dev/"
    """prefixes, separated by commas, of labels that are copied from a ShopService to its pods"""
    protect_volumes: bool = True
    """keep the PersistentVolumes of databases and caches when their namespace is deleted; takes the right to
    list, watch and patch PersistentVolumes"""
    namespace: str = ""
    """namespace to watch; empty: all"""
    workers: Annotated[int, Field(ge=1, le=256)] = 16
    """ShopServices reconciled at the same time"""
    health_port: Annotated[int, Field(ge=1, le=65535)] = 8080
    """port of GET /healthz"""
    metrics_port: Annotated[int, Field(ge=1, le=65535)] = 9090
    """port of GET /metrics"""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """least severity of what is logged"""
    log_format: Literal["json", "console"] = "json"
    """json for machines, console for people"""


class InvalidSettings(ValueError):  # noqa: N818 - reads well in `except`
    """Settings that cannot be used; the text says which, by flag and variable."""


def add_flags(parser: ArgumentParser) -> None:
    """One flag for each setting, `--prometheus-url` for prometheus_url."""
    group = parser.add_argument_group(
        "settings", f"each also a variable, for instance {PREFIX}PROMETHEUS_URL"
    )
    for name, field in Settings.model_fields.items():
        shown = f"default {field.default}" if field.default not in ("", None) else "default empty"
        # argparse formats help with %
        group.add_argument(
            _flag(name), metavar="VALUE", help=f"{field.description} ({shown})".replace("%", "%%")
        )


def load(flags: Namespace | None = None, env: Mapping[str, str] = os.environ) -> Settings:
    """The settings from parsed flags and the environment; raises InvalidSettings."""
    given: dict[str, str] = {}
    for name in Settings.model_fields:
        value = getattr(flags, name, None)
        if value is None:
            value = env.get(PREFIX + name.upper())
        if value is not None:
            given[name] = value
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise InvalidSettings(
            "\n".join(_explained(str(e["loc"][0]), e["msg"], e["input"]) for e in error.errors())
        ) from None


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _explained(name: str, message: str, found: object) -> str:
    return f"{_flag(name)} ({PREFIX}{name.upper()}): {message[:1].lower()}{message[1:]}, found {found!r}"
