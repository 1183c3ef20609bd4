from pathlib import Path

from shop_chassis.testing.sweep import sweep
from shop_recommendation.service import service
from shop_recommendation.settings import RecommendationSettings

PUBLIC = {
    "GET /recommendations",
    "GET /similar/{product_id}",
    "GET /bought-together/{product_id}",
    "GET /popular",
    "GET /recently-viewed",
}


async def test_who_may_do_what(tmp_path: Path) -> None:
    settings = RecommendationSettings(database_url=f"sqlite:///{tmp_path}/recommendation.db")
    await sweep(service, settings, tmp_path, public=PUBLIC)
