"""docs/when-down.md: a row for each neighbour of each service, each with tests that are there."""

import ast
import re
from collections.abc import Iterator

import pytest
import yaml
from shop_platform.paths import ROOT, SERVICES

STORES = {"database": "database", "cache": "cache", "events": "broker"}
"""What a ShopService asks for, and what the table calls it."""
BOUND = {"/bindings/media": "media storage"}
"""The same of what its people bind to it."""


def rows() -> Iterator[tuple[str, list[str], str, list[str]]]:
    """Service, neighbours, what it does, tests."""
    text = (ROOT / "docs" / "when-down.md").read_text()
    _, _, table = text.partition("|---|---|---|---|\n")
    for line in table.strip().splitlines():
        service, neighbours, does, shown = (cell.strip() for cell in line.strip("|").split(" | "))
        yield service, neighbours.split(", "), does, re.findall(r"`([^`]+)`", shown)


def neighbours() -> Iterator[tuple[str, str]]:
    """Of every service, as its ShopService says."""
    for file in SERVICES.glob("*/shopservice.yaml"):
        found = yaml.safe_load(file.read_text())
        name, spec = found["metadata"]["name"], found["spec"]
        yield from ((name, called) for field, called in STORES.items() if field in spec)
        mounts = [mount["mountPath"] for mount in spec.get("volumeMounts", [])]
        yield from ((name, called) for path, called in BOUND.items() if path in mounts)
        yield from ((name, callee["name"]) for callee in spec.get("dependsOn", []))


def named_in(file: str) -> set[str]:
    """The test functions of a file below services/; none of one that is not there."""
    path = SERVICES / file
    body = ast.parse(path.read_text()).body if path.exists() else []
    return {each.name for each in body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_each_neighbour_of_each_service_has_one_row() -> None:
    told = [(service, neighbour) for service, all_of_them, _, _ in rows() for neighbour in all_of_them]
    assert sorted(told) == sorted(neighbours())


@pytest.mark.parametrize(("service", "neighbours", "does", "shown"), list(rows()))
def test_a_row_says_something_and_names_tests_that_are_there(
    service: str, neighbours: list[str], does: str, shown: list[str]
) -> None:
    assert does
    assert shown, f"{service} without {', '.join(neighbours)}: no test makes this true"
    for test in shown:
        file, _, name = test.partition("::")
        assert name.startswith("test_")
        assert name in named_in(file), f"services/{file} has no {name}"


def test_a_test_that_is_not_there_is_missed() -> None:
    assert named_in("shop/tests/test_nothing.py") == set()
    assert "test_nothing" not in named_in("shop/tests/test_neighbours_down.py")
