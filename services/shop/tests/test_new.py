"""`shop new` writes a service that passes its tests, ruff and mypy at once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from shop.cli import main
from shop.new import new_service

ROOT = Path(__file__).parents[3]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The root of a workspace without members; what is installed stands in for them."""
    (tmp_path / "services").mkdir()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.fixture
def known(pytestconfig: pytest.Config, tmp_path: Path) -> Path:
    """What mypy knows of the packages that every service imports, from one run to the next."""
    return pytestconfig.cache.mkdir("mypy") if pytestconfig.cache else tmp_path / "mypy"


def test_a_new_service_passes_its_tests_ruff_and_mypy(workspace: Path, known: Path) -> None:
    assert main(["new", "gift-cards", "--workspace", str(workspace)]) == 0
    folder = workspace / "services" / "gift-cards"
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    for command in (
        ["pytest", "-q", "-x", "-m", "not postgres", "-p", "no:cacheprovider", "services"],
        ["ruff", "check", "services"],
        ["ruff", "format", "--check", "services"],
        ["mypy", "--cache-dir", str(known), "services/gift-cards/src"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=workspace, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert command[0] != "pytest" or " passed" in done.stdout
    for path in folder.rglob("*"):
        assert not any(word in path.name for word in ("PACKAGE", "NAME", ".tmpl"))
        if path.is_file() and path.suffix != ".pyc":
            assert not any(word in path.read_text() for word in ("PACKAGE", "NAME", "TITLE")), path


def test_the_workspace_knows_it_and_keeps_the_rest(workspace: Path) -> None:
    before = (workspace / "pyproject.toml").read_text().splitlines()
    new_service("alpha", workspace)
    after = (workspace / "pyproject.toml").read_text().splitlines()
    added = [line for line in after if line not in before]
    assert added == ["shop-alpha = { workspace = true }", '    "services/alpha/src",']
    assert [line for line in after if line not in added] == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Gift", "expected lower-case words joined by dashes"),
        ("gift_cards", "expected lower-case words"),
        ("a" * 41, "at most 40 characters"),
        ("taken", "is there already"),
    ],
)
def test_what_cannot_be_made_is_said_before_anything_is_written(
    workspace: Path, name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "services" / "taken").mkdir()
    before = sorted(workspace.rglob("*")), (workspace / "pyproject.toml").read_text()
    assert main(["new", name, "--workspace", str(workspace)]) == 1
    assert said in capsys.readouterr().err
    assert (sorted(workspace.rglob("*")), (workspace / "pyproject.toml").read_text()) == before


def test_outside_of_a_workspace_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "alpha", "--workspace", str(tmp_path)]) == 1
    assert "expected the root of the workspace" in capsys.readouterr().err
