"""The examples that the documentation shows are what the models take."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
import shop_contracts
from pydantic import BaseModel


def models() -> Iterator[type[BaseModel]]:
    for module in pkgutil.walk_packages(shop_contracts.__path__, "shop_contracts."):
        for found in vars(importlib.import_module(module.name)).values():
            if isinstance(found, type) and issubclass(found, BaseModel) and found.__module__ == module.name:
                yield found


def examples() -> Iterator[tuple[type[BaseModel], object]]:
    for model in models():
        extra = model.model_config.get("json_schema_extra")
        if isinstance(extra, dict) and "example" in extra:
            yield model, extra["example"]


def test_there_are_models_and_examples() -> None:
    assert len(list(models())) > 100
    assert len(list(examples())) > 30


@pytest.mark.parametrize(
    ("model", "example"), [pytest.param(*each, id=each[0].__name__) for each in examples()]
)
def test_an_example_is_valid(model: type[BaseModel], example: object) -> None:
    model.model_validate(example)
