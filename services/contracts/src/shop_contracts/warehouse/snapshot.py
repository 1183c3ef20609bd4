"""`GET /internal/stock-snapshot`: what is available, for who keeps a copy and follows the events.

Lines of JSON, each a `StockLine`: one per product, last the end. `shop_contracts.catalog.snapshot` says how
to follow the stream after it without losing anything.
"""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

SNAPSHOT = "/internal/stock-snapshot"


class StockLine(BaseModel):
    """One line; what it does not have is None."""

    model_config = ConfigDict(frozen=True)

    product_id: UUID | None = None
    available: int = Field(default=0, ge=0)
    """Over all warehouses."""
    sequence: int = Field(default=0, ge=0)
    """Of the product's last event that is in it at least; 0: none yet."""
    end: int | None = None
    """The last line: how many products came before. Without it the snapshot was broken off."""

    @property
    def counts(self) -> bool:
        """Whether it is one of the lines that `end` counts."""
        return self.product_id is not None
