"""Files that are generated from code: compared with what is committed, or written with --update-golden."""

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def check(path: str, text: str, request: pytest.FixtureRequest) -> None:
    """Fail when the file is not what the code says."""
    file = REPOSITORY / path
    if request.config.getoption("--update-golden"):
        file.write_text(text)
    assert file.read_text() == text, f"{path} is out of date: run pytest --update-golden operator/tests"
