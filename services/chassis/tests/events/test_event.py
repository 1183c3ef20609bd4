"""The event on the wire; the CloudEvents SDK is the judge."""

import json
from datetime import UTC, datetime

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from shop_chassis.events import Event, MalformedEventError


def an_event(**changes: object) -> Event:
    return Event.model_validate(
        {"source": "/catalog", "type": "price.changed", "subject": "p1", "sequence": 7, "data": {"new": 80}}
        | changes
    )


def test_the_sdk_reads_what_we_write() -> None:
    event = an_event(traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    read = JSONFormat().read(CloudEvent, event.encode())
    assert (read.get_id(), read.get_source(), read.get_type()) == (event.id, "/catalog", "price.changed")
    assert (read.get_subject(), read.get_time()) == ("p1", event.time)
    assert read.get_extension("sequence") == "00000000000000000007"
    assert read.get_extension("traceparent") == event.traceparent
    assert read.get_data() == {"new": 80}


def test_we_read_what_the_sdk_writes() -> None:
    attributes = {
        "id": "1",
        "source": "/catalog",
        "type": "price.changed",
        "specversion": "1.0",
        "time": datetime(2026, 11, 1, tzinfo=UTC),
        "subject": "p1",
        "datacontenttype": "application/json",
        "sequence": "00000000000000000012",
        "extension": "of somebody else",
    }
    event = Event.decode(JSONFormat().write(CloudEvent(attributes, {"new": None})))
    assert event.sequence == 12
    assert event.data == {"new": None}


def test_what_is_encoded_is_decoded() -> None:
    event = an_event(data={"none": None, "nested": {"list": [1, "ü"]}}, sequence=2**63 - 1)
    assert Event.decode(event.encode()) == event


def test_sequences_sort_as_text() -> None:
    texts = [json.loads(an_event(sequence=number).encode())["sequence"] for number in (9, 10, 2**63 - 1)]
    assert texts == sorted(texts)


def test_topic_is_service_and_type() -> None:
    assert an_event().topic == "catalog.price.changed"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"source": "catalog"}, "source"),
        ({"type": "Price"}, "type"),
        ({"sequence": "0"}, "sequence"),
        ({"sequence": "x"}, "sequence"),
        ({"time": "2026-11-01T10:00:00"}, "time"),
        ({"specversion": "0.3"}, "specversion"),
        ({"data": 5}, "data"),
        ({"id": ""}, "id"),
    ],
)
def test_a_malformed_event_names_the_field(changes: dict[str, object], field: str) -> None:
    body = json.dumps(json.loads(an_event().encode()) | changes).encode()
    with pytest.raises(MalformedEventError, match=f"^not a CloudEvent: {field}: "):
        Event.decode(body)


@pytest.mark.parametrize("body", [b"", b"null", b"\xff", b"[]"])
def test_what_is_no_event_at_all_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedEventError):
        Event.decode(body)
