"""What a process does while it loads, and what it does not load."""

import gc
import subprocess
import sys

import pytest
from shop_chassis.start import loading


@pytest.fixture(autouse=True)
def thawed() -> object:
    yield
    gc.unfreeze()


def test_nothing_is_collected_meanwhile_and_again_afterwards() -> None:
    frozen = gc.get_freeze_count()
    with loading():
        assert not gc.isenabled()
        kept = [[] for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= frozen + len(kept)


def test_a_module_that_cannot_be_loaded_leaves_it_on() -> None:
    with pytest.raises(ModuleNotFoundError), loading():
        __import__("no_such_module")
    assert gc.isenabled()


def test_who_serves_does_not_load_what_migrates() -> None:
    code = "import sys, shop_chassis.command, shop_chassis.migrations; print('alembic' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"
