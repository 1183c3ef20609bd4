"""What a service does by the clock."""

# ruff: noqa: RUF012 - pydantic copies default lists

import re
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shop_operator.api.base import Model, Rule, Text
from shop_operator.api.container import Resources

JOB_NAME_LENGTH = 40
CRONJOB_NAME_LENGTH = 52
"""A CronJob's own limit: the names of its Jobs are longer."""


def _field(value: str) -> str:
    """One of the five: a list of values, ranges, * and steps."""
    one = f"([*]|({value})(-({value}))?)(/[1-9][0-9]?)?"
    return f"{one}(,{one})*"


def _named(values: str, names: str) -> str:
    return "|".join([values, *names.split(), *names.upper().split()])


_FIELDS = (
    _field("[0-5]?[0-9]"),
    _field("[01]?[0-9]|2[0-3]"),
    _field("0?[1-9]|[12][0-9]|3[01]"),
    _field(_named("0?[1-9]|1[0-2]", "jan feb mar apr may jun jul aug sep oct nov dec")),
    _field(_named("[0-6]", "sun mon tue wed thu fri sat")),
)
SCHEDULE = f"^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|{' +'.join(_FIELDS)})$"
"""Cron's five fields as a CronJob takes them, or a name for some."""


class ScheduledJob(Model):
    """Work that the service's image does by the clock: a CronJob <service>-<name>. Its pods have the image,
    environment, bindings, volumes and ServiceAccount of the service, but not its podTemplate. While a
    migration holds the rollout, so do changes of a job."""

    list_keys: ClassVar = ("name",)

    name: Annotated[str, Field(max_length=JOB_NAME_LENGTH, pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$")]
    """Name of the job, after the service's and a dash that of the CronJob: 52 characters in all."""
    schedule: Annotated[str, Field(max_length=100)]
    """When it runs, in UTC: minute, hour, day of the month, month and day of the week as in crontab(5), for
    instance "17 3 * * *"; or @hourly, @daily, @weekly, @monthly, @yearly."""
    command: Annotated[list[Text], Field(max_length=64)] = []
    """Command instead of the image's entry point."""
    args: Annotated[list[Text], Field(max_length=64)] = []
    """Arguments of the command, for instance [train]."""
    resources: Resources | None = None
    """What its container reserves and may use; default: as the service's."""
    timeout_seconds: Annotated[int, Field(ge=1, le=604800)] = 3600
    """A run that takes longer is ended, and has failed."""
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    """How often a run that failed is tried again, with growing pauses."""
    concurrency: Literal["Forbid", "Allow", "Replace"] = "Forbid"
    """When the time comes while a run goes on. Forbid: it is left out. Allow: both run. Replace: the one
    before is ended."""
    suspend: bool = False
    """No run begins while this is true; one that goes on does so."""

    rules: ClassVar = (
        Rule(
            field="schedule",
            message="schedule must be five fields as in crontab(5), such as 17 3 * * *, or one of @hourly,"
            " @daily, @weekly, @monthly, @yearly",
            cel=f"self.schedule.matches('{SCHEDULE}')",
            holds=lambda job: re.fullmatch(SCHEDULE, job.schedule) is not None,
        ),
    )
