import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write what the builders give now into operator/tests/children/golden; read the diff before you commit",
    )
