"""A service against its OpenAPI document: requests made from the document, right and wrong ones.

    def test_openapi(tmp_path: Path) -> None:
        check_openapi(service, Settings(database_url=f"sqlite:///{tmp_path}/orders.db"), tmp_path)

https://schemathesis.readthedocs.io says what the checks are. The requests are the same in every run.
"""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import CheckFailureInfo, CheckNode
from schemathesis.generation.meta import CoveragePhaseData
from schemathesis.python.asgi import shutdown_lifespans
from starlette.types import ASGIApp, Receive, Scope, Send

from shop_chassis.limits import Limits
from shop_chassis.service import Service
from shop_chassis.settings import Settings
from shop_chassis.testing.access import Access, Unlimited, routes_of

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "use_after_free",
)
LENIENT = re.compile("incorrect type|violates `type`", re.IGNORECASE)
"""What is no fault: pydantic takes a number in quotation marks for the number, and everything is a text."""
SHOWN = 10
"""Failures that are told; the others are most often the same again."""


def check_openapi(service: Service, settings: Settings, folder: Path, *, examples: int = 5) -> None:
    """Every route, with tokens that open it: no 5xx, no answer that the document does not have, no request
    taken that it forbids. `examples` requests each, besides those at the limits of each parameter; then
    sequences that follow the document's links and the `Location` of answers. Keys are written to `folder`.

    Raises AssertionError that tells what was sent and what is wrong with the answer.
    """
    access = Access(service, settings, folder)
    asyncio.run(access.migrate())
    app = access.app()
    app.state.runtime.provide(Unlimited(settings), Limits)
    tokens = [(route, access.token(route)) for route in routes_of(app)]
    assert tokens, f"{service.name} has no routes: there is nothing to check"

    async def authorised(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = [each for each in scope["headers"] if each[0] != b"authorization"]
            for route, token in tokens:
                if route.method == scope["method"] and route.pattern.match(scope["path"]):
                    headers.append((b"authorization", b"Bearer " + token.encode()))
                    break
            scope = {**scope, "headers": headers}
        await app(scope, receive, send)

    try:
        failures = list(dict.fromkeys(_failures(authorised, _config(examples))))
    finally:
        shutdown_lifespans()
    told = "\n\n".join(failures[:SHOWN])
    assert not failures, f"{service.name}: {len(failures)} faults in or beside the document\n\n{told}"


@schemathesis.serializer("application/x-ndjson")
def _lines(_context: object, value: object) -> bytes:
    return str(value).encode()


def _failures(app: ASGIApp, config: schemathesis.Config) -> Iterator[str]:
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=config)
    schema.hook("filter_case")(_worth_sending)
    for event in from_schema(schema).execute():
        match event:
            case events.ScenarioFinished():
                for nodes in event.recorder.checks.values():
                    yield from (
                        _told(event.recorder.label, node.failure_info) for node in nodes if _wrong(node)
                    )
            case events.NonFatalError():
                yield f"{event.label}: {event.value}"
            case events.FatalError():
                raise event.exception


def _worth_sending(_context: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Half of all requests would be for values of another type, which pydantic sees to."""
    phase = case.meta.phase.data if case.meta else None
    return not (isinstance(phase, CoveragePhaseData) and LENIENT.search(phase.description))


def _wrong(node: CheckNode) -> bool:
    return node.failure_info is not None and not LENIENT.search(node.failure_info.failure.message)


def _told(label: str, found: CheckFailureInfo | None) -> str:
    assert found is not None
    return f"{label}: {found.failure.title}: {found.failure.message}\n{found.code_sample}"


def _config(examples: int) -> schemathesis.Config:
    return schemathesis.Config.from_dict({
        "seed": 1,
        "generation": {
            "deterministic": True,
            "database": "none",
            "no-shrink": True,
            "max-examples": examples,
            "with-security-parameters": False,
        },
        "phases": {
            "coverage": {"unexpected-methods": ["TRACE"]},
            "stateful": {"max-steps": 6, "generation": {"max-examples": 2 * examples}},
        },
        "checks": {"enabled": False} | {name: {"enabled": True} for name in CHECKS},
        "warnings": False,
    })  # fmt: skip
