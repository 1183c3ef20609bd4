"""What a service costs that does nothing: its memory beside all others, and what it imports."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from shop.local.members import MEMBERS, Member
from shop_bench.process import shares_of_memory
from shop_bench.services import imports
from shop_bench.services.stage import Servers, Stage, memory_of

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.nats]

MIB = 120
"""Proportional set size of an idle service; those with an index or a model in memory are not meant."""
UNBOUNDED = {"search", "recommendation"}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with (
        tempfile.TemporaryDirectory(prefix="idle-") as folder,  # PostgreSQL cannot enter pytest's own
        Servers(Path(folder)) as servers,
        # As `python -X importtime`: each tells in its log what it imports.
        Stage(Path(folder), servers, PYTHONPROFILEIMPORTTIME="1") as all_of_them,
    ):
        yield all_of_them


def test_an_idle_service_takes_no_more_memory_than_it_may(stage: Stage) -> None:
    taken = {
        name: shares_of_memory(memory_of(process))["proportional_mib"]
        for name, process in stage.processes.items()
    }
    for name, mib in sorted(taken.items(), key=lambda each: -each[1]):
        print(f"{name:18} {mib:6.1f} MiB")
    assert taken.keys() == {member.name for member in MEMBERS}
    assert {name: mib for name, mib in taken.items() if mib > MIB and name not in UNBOUNDED} == {}


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
def test_the_ten_costliest_imports_of_a_service(stage: Stage, member: Member) -> None:
    report = stage.processes[member.name].log.read_text()
    costliest = imports.costliest(report)
    for package, milliseconds in costliest:
        print(f"{package:22} {milliseconds:6.0f} ms")
    assert len(costliest) == imports.SHOWN
    # What only one way of running needs is imported there: exporters, other gateways, brokers, test tools.
    everything = {package for package, _ in imports.costliest(report, shown=10_000)}
    assert everything & {"google", "obstore", "requests", "stripe", "pytest", "hypothesis"} == set()
