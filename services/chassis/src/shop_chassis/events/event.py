"""The event: CloudEvents 1.0 in its structured JSON form (https://github.com/cloudevents/spec, v1.0.2)."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, ValidationError

from shop_chassis.tables import new_id, utc_now

MAX_BYTES = 512 * 1024
"""Largest encoded event. NATS takes 1 MiB by default; an event is a fact, not a file."""


class MalformedEventError(ValueError):
    """The bytes are not an event that this version of the chassis can read."""


class Event(BaseModel):
    """Something that happened to one aggregate of one service.

    `sequence` counts the events of the aggregate (`source`, `subject`), whatever their type, from 1 without
    gaps; on the wire it is padded to 20 digits so that it sorts as text (CloudEvents `sequence` extension).
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(default_factory=lambda: str(new_id()), min_length=1, max_length=64)
    source: str = Field(pattern=r"^/[a-z][a-z0-9-]*$")
    type: str = Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$", max_length=64)
    subject: str = Field(min_length=1, max_length=128)
    time: AwareDatetime = Field(default_factory=utc_now)
    datacontenttype: Literal["application/json"] = "application/json"
    sequence: Annotated[
        int,
        Field(ge=1, lt=2**63),
        PlainSerializer(lambda number: f"{number:020d}", return_type=str, when_used="json"),
    ]
    traceparent: str | None = None
    data: dict[str, Any]

    @property
    def topic(self) -> str:
        """Where the event is published: `<service>.<type>`, as in `catalog.price.changed`."""
        return f"{self.source.removeprefix('/')}.{self.type}"

    def encode(self) -> bytes:
        """The event as structured-mode JSON."""
        absent = {"traceparent"} if self.traceparent is None else None
        return self.model_dump_json(exclude=absent).encode()

    @classmethod
    def decode(cls, body: bytes) -> "Event":
        """The reverse of `encode`; raises MalformedEventError, which names the first field that is wrong."""
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(str(part) for part in first["loc"]) or "body"
            raise MalformedEventError(f"not a CloudEvent: {field}: {first['msg']}") from None
