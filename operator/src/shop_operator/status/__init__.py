"""From live objects to conditions and status: pure functions."""

from shop_operator.status.conditions import Condition, news
from shop_operator.status.report import Facts, report

__all__ = ["Condition", "Facts", "news", "report"]
