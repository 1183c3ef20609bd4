"""`shop saga`: what order-processing's sagas do, and what a person can do about one that is stuck."""

from collections.abc import Sequence
from datetime import datetime

from shop_contracts.order_processing.api import Decision, Saga, SagaDetail, SagaPage

from shop.access import Service
from shop.text import ago, table

NAME = "order-processing"
SCOPE = "order-processing:admin"
PAGE = 100


def listed(
    api: Service, *, stuck: bool, state: str | None, kind: str | None, order_id: str | None, limit: int
) -> str:
    """So many sagas, newest first."""
    found: list[Saga] = []
    after = None
    while len(found) < limit:
        page = api.get(
            SagaPage,
            "/admin/sagas",
            stuck=stuck,
            state=state,
            kind=kind,
            order_id=order_id,
            limit=min(PAGE, limit - len(found)),
            after=after,
        )
        found += page.items
        after = page.next
        if after is None:
            break
    return _table(found) if found else ("no saga is stuck" if stuck else "no sagas")


def shown(api: Service, saga_id: str) -> str:
    """One saga with its log."""
    saga = api.get(SagaDetail, f"/admin/sagas/{saga_id}")
    log = [
        (_time(entry.at), entry.step, entry.direction, entry.outcome, str(entry.attempt), entry.reason or "")
        for entry in saga.log
    ]
    about = [
        f"saga   {saga.id}, {saga.kind} of order {saga.order_id}",
        f"stands {_stands(saga)}, {ago(saga.since)}",
        f"next   {_time(saga.next_at) if saga.next_at else 'nothing'}",
        *([f"why    {saga.reason}"] if saga.reason else []),
    ]
    return "\n".join([*about, "", table(("AT", "STEP", "DIRECTION", "OUTCOME", "ATTEMPT", "REASON"), log)])


def retried(api: Service, saga_id: str, reason: str) -> str:
    """Has its step tried again now."""
    return _after(api.post(SagaDetail, f"/admin/sagas/{saga_id}:retry", Decision(reason=reason)))


def compensated(api: Service, saga_id: str, reason: str) -> str:
    """Turns it around."""
    return _after(api.post(SagaDetail, f"/admin/sagas/{saga_id}:compensate", Decision(reason=reason)))


def _after(saga: Saga) -> str:
    return f"{saga.kind} {saga.id} of order {saga.order_id}: {_stands(saga)}"


def _table(sagas: Sequence[Saga]) -> str:
    rows = [
        (
            str(saga.id),
            saga.kind,
            str(saga.order_id),
            _stands(saga),
            str(saga.attempts),
            ago(saga.since),
            saga.reason or "",
        )
        for saga in sagas
    ]
    return table(("SAGA", "KIND", "ORDER", "STANDS", "ATTEMPTS", "SINCE", "REASON"), rows)


def _stands(saga: Saga) -> str:
    if saga.state != "open":
        return saga.state
    way = "undoing" if saga.direction == "back" else "at"
    return f"{way} {saga.step}" + (" (stuck)" if saga.stuck else " (waiting)" if saga.waiting else "")


def _time(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
