"""What recommendation is told by its environment."""

from pydantic import Field, HttpUrl
from shop_chassis.settings import Settings


class RecommendationSettings(Settings):
    """Those of the chassis, where catalog is, and how models are trained."""

    catalog_url: HttpUrl | None = None
    """Asked for what its events do not tell: products from before, the tree of categories."""
    remember_seconds: float = Field(default=5.0, ge=0)
    """So long an answer may be made of what products were before."""
    train_seconds: float | None = Field(default=None, gt=0)
    """Between two trainings that this service begins by itself, if there is news; unset: a job does."""
    train_memory_mib: int = Field(default=256, ge=16)
    """That matrices may take: 3,600 products are fitted in 256; others are known by their content."""
    train_here_memory_mib: int = Field(default=64, ge=16)
    """The same, of a training that a process which answers begins: both share one limit."""
    train_interactions: int = Field(default=2_000_000, ge=1000)
    """The newest so many count."""
