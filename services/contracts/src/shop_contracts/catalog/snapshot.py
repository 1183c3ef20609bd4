"""`GET /internal/snapshot`: all that catalog has, for who keeps a copy and follows its events.

Lines of JSON, each a `SnapshotLine`: first the tree of categories, then a line per product, last the end. The
way to lose nothing: read the last number of the stream `catalog`, then the snapshot, then follow the
stream after that number; of each aggregate leave out events whose sequence is not above the snapshot's.
"""

from pydantic import BaseModel, ConfigDict, Field

from shop_contracts.catalog.api import Category, Product

SNAPSHOT = "/internal/snapshot"


class SnapshotLine(BaseModel):
    """One line; what it does not have is None."""

    model_config = ConfigDict(frozen=True)

    product: Product | None = None
    """Inactive ones too; `available` as catalog heard last."""
    categories: list[Category] | None = None
    """The whole tree, parents first; the first line."""
    sequence: int = Field(default=0, ge=0)
    """Of the aggregate's last event that is in it at least; 0: none yet."""
    end: int | None = None
    """The last line: how many products came before. Without it the snapshot was broken off."""

    @property
    def counts(self) -> bool:
        """Whether it is one of the lines that `end` counts."""
        return self.product is not None
