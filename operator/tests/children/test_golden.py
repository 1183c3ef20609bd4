"""Every golden case gives exactly its output.yaml; `pytest --update-golden` writes them."""

import pytest
from shop_operator.children.kinds import CHILD_KINDS

from . import golden


@pytest.mark.parametrize("name", golden.NAMES)
def test_output(name: str, request: pytest.FixtureRequest) -> None:
    expected = golden.ROOT / name / "output.yaml"
    found = golden.case(name).output()
    if request.config.getoption("--update-golden"):
        expected.write_text(found)
    assert found == expected.read_text()


@pytest.mark.parametrize("name", golden.NAMES)
def test_cases_are_named_after_what_they_are(name: str) -> None:
    refused = golden.case(name).output().startswith("kind: InvalidSpec")
    assert refused == name.startswith("refused-")


def test_the_kinds_that_are_watched_are_those_that_are_built() -> None:
    built = {
        (child["apiVersion"], child["kind"])
        for name in golden.ACCEPTED
        for child in golden.case(name).children()
    }
    assert built == {(kind.api_version, kind.kind) for kind in CHILD_KINDS}


@pytest.mark.parametrize("name", golden.ACCEPTED)
def test_building_is_pure(name: str) -> None:
    case = golden.case(name)
    assert case.children() == case.children()
