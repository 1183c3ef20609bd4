from pathlib import Path

import pytest
from shop_chassis.testing.openapi import check_openapi
from shop_recommendation.service import service
from shop_recommendation.settings import RecommendationSettings
from shop_recommendation.trainer import Trainer


def test_the_service_is_as_its_document_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trainer, "begin", lambda _: True)  # not a process for each example
    check_openapi(
        service, RecommendationSettings(database_url=f"sqlite:///{tmp_path}/recommendation.db"), tmp_path
    )
