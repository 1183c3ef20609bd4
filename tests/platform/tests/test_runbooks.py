"""Panels that runbooks name: they are there, and a test makes the fault that each of them is to show."""

import ast
from collections.abc import Iterator

import pytest
from shop_platform.panels import of_dashboard, stands_out
from shop_platform.paths import ROOT
from shop_platform.runbooks import Name, dashboards, named, sections

FAULTS = (
    "operator/tests/cluster/test_panels.py",
    "tests/faults/tests/test_panels.py",
    "tests/e2e/test_monitoring.py",
)


def made(source: str) -> Iterator[str]:
    """The alerts whose fault a test file makes: `Fault("ALERT", …)` or, for several, `x.well("ALERT", …)`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("Fault", "well"):
            words = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
            yield from (word for word in words if isinstance(word, str) and word[:1].isupper())


@pytest.mark.parametrize("alert", sections())
def test_a_section_names_panels_that_there_are(alert: str) -> None:
    there = dashboards()
    found = list(named(sections()[alert]))
    assert found, "it names no panel"
    for name in found:
        fitting = [panel for panel in of_dashboard(there[name.dashboard]) if name.means(panel)]
        assert len(fitting) == 1, f"{name}: {len(fitting)} panels of that title; name the row too"


def test_every_section_has_its_fault_and_every_fault_its_section() -> None:
    known = {alert for file in FAULTS for alert in made((ROOT / file).read_text())}
    assert known == sections().keys()


def test_what_is_no_name_of_a_panel_is_refused() -> None:
    assert list(named("Panels: Shop *A, 24 h*, *B*; NAMESPACE / NAME *Cache:\nMemory*.\n")) == [
        Name("Shop", "", "A, 24 h"), Name("Shop", "", "B"), Name("NAMESPACE / NAME", "Cache", "Memory"),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="found 'Shop A'"):
        list(named("Panels: Shop A.\n"))


def test_a_panel_stands_out_where_it_was_not_before() -> None:
    still = [(1.0, 2.0), (2.0, 3.0), (3.0, 2.0)]
    assert not stands_out({"a": still}, since=3)
    assert stands_out({"a": still, "b": [(1, 2), (2, 3), (3, 4)]}, since=3)
    assert stands_out({"a": [(1, 2), (3, 1)]}, since=3)
    assert not stands_out({"a": [(1, 2), (2, 9)]}, since=3), "it is over"


def test_a_series_that_was_not_there_was_at_nothing() -> None:
    assert stands_out({"a": [(3, 1)]}, since=3)
    assert not stands_out({"a": [(3, 0)]}, since=3)


def test_a_fault_is_one_that_is_called_with_its_name() -> None:
    source = 'Fault("A", x)\nshop.well(("B", "cart"), ("C", ""))\nfault("D")\nother.made("E")'
    assert list(made(source)) == ["A", "B", "C"]
