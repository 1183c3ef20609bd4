"""Events are told once, counted when they repeat, and bounded whatever happens."""

import re
from typing import Any

import pytest
from shop_operator.cluster.client import ApiError
from shop_operator.engine import events
from shop_operator.engine.events import BURST, REFILL_SECONDS, Events

HOUR = 3600
CART = {
    "apiVersion": "shopservice.dev/v1",
    "kind": "ShopService",
    "metadata": {"name": "cart", "namespace": "shop", "uid": "1", "resourceVersion": "7"},
}


class Server:
    """Takes what is written, at a time that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.created: list[dict[str, Any]] = []
        self.patched: list[dict[str, Any]] = []
        self.refuses = False

    async def create(self, manifest: dict[str, Any], *_: Any, **__: Any) -> None:
        if self.refuses:
            raise ApiError(503, "ServiceUnavailable", "not now")
        self.created.append(manifest)

    async def merge(self, kind: Any, namespace: str, name: str, patch: dict[str, Any], **_: Any) -> None:
        assert name in [event["metadata"]["name"] for event in self.created]
        self.patched.append(patch["series"])

    @property
    def writes(self) -> int:
        return len(self.created) + len(self.patched)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def recorder(server: Server) -> Events:
    return Events(server, "shop-operator-0", clock=lambda: server.now)  # type: ignore[arg-type]


async def tell(recorder: Events, note: str = "Service cart: drifted", about: Any = CART) -> None:
    await recorder.tell(about, "DriftRepaired", note, action="Apply", warning=True)


async def test_an_event_says_what_it_is_about_and_who_did_what(recorder: Events, server: Server) -> None:
    await tell(recorder)
    (event,) = server.created
    assert event["regarding"] == {
        "apiVersion": "shopservice.dev/v1", "kind": "ShopService", "namespace": "shop", "name": "cart",
        "uid": "1", "resourceVersion": "7",
    }  # fmt: skip
    assert (event["type"], event["reason"], event["action"]) == ("Warning", "DriftRepaired", "Apply")
    assert event["reportingController"] == "shopservice.dev/shop-operator"
    assert event["reportingInstance"] == "shop-operator-0"


async def test_what_flaps_is_one_series(recorder: Events, server: Server) -> None:
    for _ in range(HOUR):
        await tell(recorder)
        server.now += 1
    assert len(server.created) == 1
    assert server.patched[0]["count"] == 2, "the first repetition shows at once"
    assert len(server.patched) == 1 + HOUR / events.COUNT_SECONDS - 1
    assert server.patched[-1]["count"] > HOUR - events.COUNT_SECONDS - 1


async def test_after_a_pause_it_is_news_again(recorder: Events, server: Server) -> None:
    await tell(recorder)
    server.now += events.SERIES_SECONDS + 1
    await tell(recorder)
    assert len(server.created) == 2
    assert server.patched == []


async def test_an_hour_of_failures_that_all_differ_is_a_bounded_number_of_writes(
    recorder: Events, server: Server
) -> None:
    for second in range(HOUR):
        await tell(recorder, f"the answer was {second}")
        server.now += 1
    assert server.writes == BURST + HOUR // REFILL_SECONDS - 1
    await tell(recorder, about={**CART, "metadata": {**CART["metadata"], "uid": "2"}})
    assert server.created[-1]["regarding"]["uid"] == "2", "one service does not silence another"


async def test_an_event_that_could_not_be_written_is_written_the_next_time(
    recorder: Events, server: Server
) -> None:
    server.refuses = True
    await tell(recorder)
    server.refuses = False
    await tell(recorder)
    assert len(server.created) == 1


async def test_a_note_fits_the_api(recorder: Events, server: Server) -> None:
    await tell(recorder, "x" * 2000)
    assert len(server.created[0]["note"]) == 1024
    assert server.created[0]["note"].endswith("…")


async def test_what_is_remembered_is_bounded(recorder: Events) -> None:
    for number in range(events.REMEMBERED + 10):
        await tell(recorder, about={**CART, "metadata": {**CART["metadata"], "uid": str(number)}})
    assert len(recorder._series) == len(recorder._allowances) == events.REMEMBERED


async def test_an_event_has_all_that_kubectl_describe_shows(server: Server, recorder: Events) -> None:
    await recorder.tell(CART, "DriftRepaired", "put back", action="Apply", warning=True)
    await recorder.tell(CART, "Adopted", "taken up", action="Apply")
    first, second = server.created
    assert first["metadata"]["name"].startswith("cart.")
    assert first.pop("eventTime").endswith("Z")
    assert {**first, "metadata": {**first["metadata"], "name": ""}} == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "", "namespace": "shop"},
        "type": "Warning",
        "reason": "DriftRepaired",
        "note": "put back",
        "action": "Apply",
        "regarding": {
            "apiVersion": "shopservice.dev/v1",
            "kind": "ShopService",
            "namespace": "shop",
            "name": "cart",
            "uid": "1",
            "resourceVersion": "7",
        },
        "reportingController": "shopservice.dev/shop-operator",
        "reportingInstance": "shop-operator-0",
    }
    assert second["type"] == "Normal"


async def test_an_event_about_what_has_no_version_says_so(server: Server, recorder: Events) -> None:
    metadata = {name: value for name, value in CART["metadata"].items() if name != "resourceVersion"}  # type: ignore[attr-defined]
    await tell(recorder, about={**CART, "metadata": metadata})
    assert server.created[0]["regarding"]["resourceVersion"] == ""


async def test_a_long_name_of_the_instance_fits_the_api(server: Server) -> None:
    recorder = Events(server, "x" * 200)  # type: ignore[arg-type]
    await tell(recorder)
    assert server.created[0]["reportingInstance"] == "x" * 128


async def test_the_longest_note_is_left_whole(recorder: Events, server: Server) -> None:
    await tell(recorder, "x" * 1024)
    assert server.created[0]["note"] == "x" * 1024


async def test_two_notes_on_one_object_are_two_events(recorder: Events, server: Server) -> None:
    await tell(recorder, "one")
    await tell(recorder, "two")
    names = [event["metadata"]["name"] for event in server.created]
    assert len(set(names)) == 2
    assert all(len(name) == len("cart.") + 16 for name in names)


async def test_what_there_was_no_allowance_for_is_written_when_there_is(
    recorder: Events, server: Server
) -> None:
    for number in range(BURST):
        await tell(recorder, f"note {number}")
    await tell(recorder, "one too many")
    assert server.writes == BURST
    server.now += REFILL_SECONDS
    await tell(recorder, "one too many")
    assert server.created[-1]["note"] == "one too many"
    assert server.patched == []


async def test_a_repetition_is_counted_with_the_time_that_it_was_last_seen(
    recorder: Events, server: Server
) -> None:
    await tell(recorder)
    await tell(recorder)
    (series,) = server.patched
    assert series == {"count": 2, "lastObservedTime": series["lastObservedTime"]}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", series["lastObservedTime"])


async def test_the_longest_unused_is_forgotten_first(
    recorder: Events, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "REMEMBERED", 2)
    for note in ("a", "b", "a", "c", "a"):
        await tell(recorder, note)
    assert [event["note"] for event in server.created] == ["a", "b", "c"]
    await tell(recorder, "b")
    assert [event["note"] for event in server.created] == ["a", "b", "c", "b"]


async def test_the_same_at_the_end_of_a_series_still_belongs_to_it(recorder: Events, server: Server) -> None:
    await tell(recorder)
    server.now += events.SERIES_SECONDS
    await tell(recorder)
    assert (len(server.created), len(server.patched)) == (1, 1)
