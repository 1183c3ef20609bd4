"""Calls between services: deadlines, retries, circuit breaker, bulkhead, remembered answers, metrics."""

from shop_chassis.client.breaker import BreakerPolicy, State
from shop_chassis.client.client import Policy, ServiceClient, callee
from shop_chassis.client.errors import (
    BadAnswer,
    BulkheadFull,
    CalleeUnavailable,
    CallError,
    CallRefused,
    CircuitOpen,
    Conflict,
    DeadlineExceeded,
    NotAllowed,
    NotFound,
    NotIdentified,
    ServerError,
    Unreachable,
)
from shop_chassis.client.fallback import LastGood, Recalled
from shop_chassis.client.metrics import ClientMetrics

__all__ = [
    "BadAnswer",
    "BreakerPolicy",
    "BulkheadFull",
    "CallError",
    "CallRefused",
    "CalleeUnavailable",
    "CircuitOpen",
    "ClientMetrics",
    "Conflict",
    "DeadlineExceeded",
    "LastGood",
    "NotAllowed",
    "NotFound",
    "NotIdentified",
    "Policy",
    "Recalled",
    "ServerError",
    "ServiceClient",
    "State",
    "Unreachable",
    "callee",
]
