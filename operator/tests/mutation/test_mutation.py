"""Every field of the schema is set, changed, removed, and given extreme and invalid values, live.

What Acto (SOSP 2023) did to other operators. Each mutation has to end in one of three ways: it is refused at
apply with the field's name; it is accepted, and a condition names the field and says why it cannot be had,
while the version before keeps serving; or it is reconciled. Fields and values come from the schema, so a new
field is covered by being there.
"""

import asyncio
import contextlib
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kindlocal.apiserver import ApiServer
from shop_operator.api import InvalidSpec, parse
from shop_operator.cluster import kinds
from shop_operator.cluster.client import ApiError

from ..children import golden
from ..support import schema
from ..support.schema import NOTHING, Field, changed, example, grown, places, value_at
from ..support.stage import LONG, Stage, record, seeded, stage

pytestmark = [pytest.mark.apiserver, pytest.mark.timeout(7200 if LONG else 900)]

MUTATIONS_IN_THE_SLICE = 80
AT_ONCE = 6
SETTLED_SECONDS = 60

# Where a field is wrong only beside another, it is the other that is named.
NAMED_BY = {
    "spec.volumes": "volumeMounts",
    "spec.volumes[]": "volumeMounts",
    "spec.autoscaling.metrics[].type": "stream",
    "spec.monitoring.enabled": "monitoring",
}

ALLOWED = REFUSED, REPORTED, RECONCILED = "refused", "reported", "reconciled"


@dataclass(frozen=True, eq=False)
class Mutation:
    """One change of one field of a resource that is accepted as it is."""

    field: Field
    name: str
    base: Any
    """The spec that the resource has before."""
    place: schema.Path
    value: Any

    def named_in(self, message: str) -> bool:
        """Whether a message says what it is about: the field, or of a map the key."""
        if self.name.startswith("unknown") and "unknownField" in message:
            return True
        words = (self.field.name, self.place[-1], NAMED_BY.get(str(self.field)))
        return any(isinstance(word, str) and word in message for word in words)

    def __str__(self) -> str:
        return f"{self.field} {self.name}"


def mutations() -> Iterator[Mutation]:
    for field in schema.spec_fields():
        base, place = _base(field)
        value = value_at(base, place)
        if value is not NOTHING:
            yield Mutation(field, "removed", base["spec"], place, NOTHING)
        else:
            value = example(field.schema)
            yield Mutation(field, "set", base["spec"], place, value)
        for number, other in enumerate(itertools.islice(schema.others(field.schema, value), 3), 1):
            yield Mutation(field, f"changed {number}", base["spec"], place, other)
        for name, bad in schema.wrong(field.schema, value):
            yield Mutation(field, name, base["spec"], place, bad)


def _base(field: Field) -> tuple[Any, schema.Path]:
    """The largest golden case that has the field; where none has, the largest that can be given it."""
    names = sorted(golden.ACCEPTED, key=lambda name: -(golden.ROOT / name / "input.yaml").stat().st_size)
    cases = [golden.case(name).obj for name in names]
    for obj in cases:
        for place in places(obj, field.path):
            if value_at(obj, place) is not NOTHING:
                return obj, place
    for obj in (grown(case, field) for case in cases):
        with contextlib.suppress(InvalidSpec):
            parse(obj)
            for place in places(obj, field.path):
                return obj, place
    raise LookupError(f"no golden case can be given {field}: add one that has it")


class Subject:
    """A live ShopService that is mutated and put right again; left behind where rules forbid the way back."""

    _numbers = itertools.count(1)

    def __init__(self, here: Stage, node_port: int) -> None:
        self._cluster, self._node_port = here.cluster, node_port
        self._name, self._spec = "", None
        self._last: Mutation | None = None
        self.stuck: list[str] = []
        """Mutations after which the resource was not reconciled any more with the spec of before."""

    async def outcome(self, mutation: Mutation) -> tuple[str, str]:
        """How it ends, and what was said."""
        base = self._own(mutation.base)
        await self._become(base)
        self._last = mutation
        before = await self._cluster.get("Deployment", self._name)
        spec = changed({"spec": base}, mutation.place, mutation.value)["spec"]
        try:
            generation = (await self._replace(spec))["metadata"]["generation"]
        except ApiError as error:
            named = 400 <= error.status < 500 and mutation.named_in(error.message)
            return REFUSED if named else "refused without the field's name", error.message
        self._spec = spec

        async def observed() -> dict[str, Any] | None:
            service = await self._cluster.get("ShopService", self._name)
            status: dict[str, Any] = (service or {}).get("status", {})
            return status if status.get("observedGeneration") == generation else None

        try:
            status = await self._cluster.until(observed, seconds=SETTLED_SECONDS)
        except AssertionError:
            return "never observed", ""
        return await self._reported(mutation, status, before)

    async def _reported(self, mutation: Mutation, status: Any, before: Any) -> tuple[str, str]:
        conditions = {condition["type"]: condition for condition in status["conditions"]}
        if conditions["Reconciled"]["status"] == "True":
            return RECONCILED, ""
        said = "; ".join(condition.get("message", "") for condition in conditions.values())
        after = await self._cluster.get("Deployment", self._name)
        if before and (not after or after["spec"]["template"] != before["spec"]["template"]):
            return "not reconciled, yet the Deployment is another", said
        return REPORTED if mutation.named_in(said) else "reported without the field's name", said

    def _own(self, spec: Any) -> Any:
        """With a node port of its own: those are the whole cluster's."""
        if "nodePort" not in spec.get("expose", {}):
            return spec
        return {**spec, "expose": {**spec["expose"], "nodePort": self._node_port}}

    async def _become(self, spec: Any) -> None:
        """Put it right again; where rules forbid the way back, or there is none, take another one."""
        await self._provide(spec)
        if self._name and self._spec != spec:
            try:
                await self._replace(spec)
                await self._settled()
            except ApiError:
                await self._leave()
            except AssertionError:
                found = await self._cluster.condition(self._name, "Reconciled")
                self.stuck.append(f"{self._last}: {found.get('message')}")
                await self._leave()
        if not self._name:
            self._name = f"subject-{next(self._numbers)}"
            whole = self._cluster.manifest(self._name) | {"spec": spec}
            await self._cluster.api.create(whole, kinds.SHOP_SERVICE, manager="kubectl")
            await self._settled()
        self._spec = spec

    async def _provide(self, spec: Any) -> None:
        """The Secret of a database elsewhere: without it migration and rollout wait."""
        if external := spec.get("database", {}).get("external"):
            keys = ("host", "port", "database", "username", "password")
            secret = {"metadata": {"name": external["secretName"], "namespace": self._cluster.namespace}}
            secret |= {"apiVersion": "v1", "kind": "Secret", "stringData": dict.fromkeys(keys, "x")}
            await self._cluster.api.apply(secret, kinds.of("Secret"), manager="kubectl")

    async def _settled(self) -> None:
        """Until it is reconciled, and no migration holds its Deployment back."""
        await self._cluster.until_reconciled(self._name)

        async def rolled_out() -> bool:
            found = await self._cluster.condition(self._name, "Progressing")
            return found["reason"] not in ("WaitingForDatabase", "Migrating")

        await self._cluster.until(rolled_out)

    async def _leave(self) -> None:
        await self._cluster.delete("ShopService", self._name)
        if await self._cluster.get("Service", self._name):
            await self._cluster.until_gone("Service", self._name)  # and its node port is free
        self._name = ""

    async def _replace(self, spec: Any) -> Any:
        """`kubectl replace`, strict as kubectl is."""
        path = kinds.SHOP_SERVICE.path(self._cluster.namespace, self._name)
        while True:
            live = await self._cluster.get("ShopService", self._name)
            assert live
            try:
                return await self._cluster.api._call(
                    "update", kinds.SHOP_SERVICE, "PUT", path,
                    params={"fieldValidation": "Strict"}, body={**live, "spec": spec},
                )  # fmt: skip
            except ApiError as error:
                if error.status != 409:  # the status was written meanwhile
                    raise


async def test_every_field_is_refused_reported_or_reconciled(full_server: ApiServer, tmp_path: Path) -> None:
    todo = list(mutations())
    if not LONG:
        todo = seeded("mutation").sample(todo, MUTATIONS_IN_THE_SLICE)
    # Mutations of one base after another, so that it need not be made each time.
    todo.sort(key=lambda mutation: json.dumps(mutation.base))
    found: dict[Mutation, tuple[str, str]] = {}

    async with stage(full_server, tmp_path) as here:
        await here.start()

        async def work(subject: Subject) -> None:
            while todo:
                mutation = todo.pop()
                found[mutation] = await subject.outcome(mutation)

        subjects = [Subject(here, 31000 + number) for number in range(AT_ONCE)]
        async with asyncio.TaskGroup() as tasks:
            controllers = tasks.create_task(here.play_controllers())
            await asyncio.gather(*map(work, subjects))
            controllers.cancel()
    _print(found)
    record("mutation", mutations=len(found), outcomes=_counts(found), fields=_by_field(found))
    wrong = [f"{m}: {how}: {said}" for m, (how, said) in found.items() if how not in ALLOWED]
    assert wrong + [stuck for subject in subjects for stuck in subject.stuck] == []


def _by_field(found: dict[Mutation, tuple[str, str]]) -> dict[str, dict[str, str]]:
    table: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for mutation, (outcome, _) in sorted(found.items(), key=lambda item: str(item[0])):
        table[str(mutation.field)][mutation.name] = outcome
    return dict(table)


def _counts(found: dict[Mutation, tuple[str, str]]) -> dict[str, int]:
    return dict(Counter(outcome for outcome, _ in found.values()))


def _print(found: dict[Mutation, tuple[str, str]]) -> None:
    for field, outcomes in _by_field(found).items():
        print(field, "; ".join(f"{mutation}: {outcome}" for mutation, outcome in outcomes.items()), sep="\t")
    print(len(found), "mutations:", _counts(found))
