from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

SLOW = {
    "test_account_pages.py",
    "test_admin_pages.py",
    "test_browser.py",
    "test_browser_admin.py",
    "test_browser_fallbacks.py",
    "test_checkout_pages.py",
    "test_consumer.py",
    "test_contract.py",
    "test_engine.py",
    "test_entry_pages.py",
    "test_fallbacks.py",
    "test_faults_property.py",
    "test_flow.py",
    "test_generation.py",
    "test_inbox_pages.py",
    "test_inbox_property.py",
    "test_interleavings.py",
    "test_journeys.py",
    "test_local.py",
    "test_neighbours_down.py",
    "test_new.py",
    "test_openapi.py",
    "test_order_pages.py",
    "test_pages.py",
    "test_property.py",
    "test_seed.py",
    "test_sending.py",
    "test_server.py",
    "test_service.py",
    "test_shopping.py",
    "test_shopping_fallbacks.py",
    "test_tracing.py",
    "test_train.py",
    "test_wishlist_pages.py",
}
"""Whose tests take seconds each: they run with those that need servers."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.name in SLOW and here in item.path.parents:
            item.add_marker(pytest.mark.slow)


def _as_in_tests() -> None:
    # As in services; the library's own default draws every error with all variables, which takes seconds.
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
        ],
    )


@pytest.fixture(autouse=True)
def logging_of_this_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Logging is the whole process's, and a logger that was once used keeps what it was told: a service that
    ran in an earlier test would decide what later ones see of the log."""
    configure = structlog.configure

    def uncached(**options: Any) -> None:
        configure(**{**options, "cache_logger_on_first_use": False})

    monkeypatch.setattr(structlog, "configure", uncached)
    yield
    structlog.reset_defaults()
    _as_in_tests()


_as_in_tests()
