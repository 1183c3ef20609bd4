"""Logs: one line of JSON per entry in a pod, readable text on a terminal."""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from shop_chassis.context import current
from shop_chassis.settings import Settings
from shop_chassis.tracing import current_span

# Without local variables: they hold passwords and people's data.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=20)
)


def configure_logs(settings: Settings, service: str) -> None:
    """Of the whole process, other libraries' loggers included. For commands, never for an application."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    text = settings.log_format == "text" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,  # which service, where several share the process
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _about_request,
    ]
    if not text:
        shared.append(_naming(service))
    last: list[Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if text
        else [_TRACEBACKS, structlog.processors.JSONRenderer(ensure_ascii=False)]
    )
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.INFO), force=True)
    for noisy in ("uvicorn.error", "httpx", "alembic", "aiosqlite", "asyncio"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))


def _about_request(_logger: Any, _method: str, entry: EventDict) -> EventDict:
    request, span = current(), current_span()
    if request is not None:
        entry.setdefault("request_id", request.id)
    if span is not None:
        entry.setdefault("trace_id", span.trace_id)
    return entry


def _naming(service: str) -> Processor:
    def name(_logger: Any, _method: str, entry: EventDict) -> EventDict:
        entry.setdefault("service", service)
        return entry

    return name
