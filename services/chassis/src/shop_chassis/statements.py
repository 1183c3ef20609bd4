"""A span for each statement that the database gets. Imported where TRACE_STATEMENTS asks for it, alone.

It has what OpenTelemetry calls a summary, `SELECT product`: the first word and the names of tables, which the
code says and nobody who asks something. Neither text nor parameters are looked at for more than that word.
https://opentelemetry.io/docs/specs/semconv/database/database-spans/
"""

import re
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, Table, event
from sqlalchemy.engine import ExceptionContext, ExecutionContext
from sqlalchemy.engine.interfaces import Compiled
from sqlalchemy.sql import visitors

from shop_chassis.tracing import Span, current_span

_WORD = re.compile(r"\s*([A-Za-z]{1,20})\b")
_SYSTEMS = {"postgresql": "postgresql", "sqlite": "sqlite"}


def told(engine: Engine) -> None:
    """From now on every statement of this engine is a part of the span in which it is made."""
    running: WeakKeyDictionary[ExecutionContext, Span] = WeakKeyDictionary()
    system = _SYSTEMS.get(engine.dialect.name, "other_sql")

    @event.listens_for(engine, "before_cursor_execute")
    def begin(
        _connection: Connection, _cursor: Any, statement: str, _parameters: Any,
        context: ExecutionContext, _many: bool,
    ) -> None:  # fmt: skip
        whole = current_span()
        if whole is None or not whole.told:
            return
        words = {"db.system.name": system, "db.operation.name": operation(statement)}
        names = tables(context.compiled)
        if len(names) == 1:
            words["db.collection.name"] = names[0]
        words["db.query.summary"] = " ".join((words["db.operation.name"], *names))
        running[context] = whole.child(words["db.query.summary"], "client", words)

    @event.listens_for(engine, "after_cursor_execute")
    def end(
        _connection: Connection, _cursor: Any, _statement: str, _parameters: Any,
        context: ExecutionContext, _many: bool,
    ) -> None:  # fmt: skip
        if span := running.pop(context, None):
            span.end()

    @event.listens_for(engine, "handle_error")
    def fail(error: ExceptionContext) -> None:
        context = error.execution_context
        if context is not None and (span := running.pop(context, None)):
            span.fail(type(error.original_exception).__name__)
            span.end()


def operation(statement: str) -> str:
    """Its first word: `SELECT`; `OTHER` where it begins with none."""
    found = _WORD.match(statement)
    return found[1].upper() if found else "OTHER"


def tables(compiled: Compiled | None) -> tuple[str, ...]:
    """Of the statement, each once, as they come in it; of a text nobody knows them."""
    if compiled is None or compiled.statement is None:
        return ()
    return tuple(dict.fromkeys(_named(compiled.statement)))


def _named(statement: Any) -> Iterator[str]:
    for part in visitors.iterate(statement):
        if isinstance(part, Table):
            yield part.name
