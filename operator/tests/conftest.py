import pytest

# The fixtures of tests that need an operator at a real API server; all of them share one server.
from .support.cluster import cluster, operator, server  # noqa: F401


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write golden and generated files anew; read the diff before you commit",
    )
