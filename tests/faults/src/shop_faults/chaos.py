"""Kills, by a plan that a seed decides; the test gateway's faults; and a broker that forgets."""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict
from shop.keys import from_file
from shop.local.addresses import Addresses

from shop_faults.broker import GONE, Broker
from shop_faults.stage import Stage, Target

WEIGHTS = {
    "order-processing": 4,
    "payment": 3,
    "warehouse": 3,
    "order-taking": 2,
    "logistics": 2,
    "broker": 2,
}
"""How often something is killed, against 1 for everything else."""
SWITCHES: tuple[dict[str, Any], ...] = (
    {"kind": "timeout_after_success", "probability": 0.6, "seconds": 1.0},
    {"kind": "down"},
    {"kind": "duplicate_webhook"},
    {"kind": "late_webhook", "seconds": 2.0},
)
"""What the gateway can do besides dying."""
LOOK_SECONDS = 1.5
"""How long a kill waits for a saga to be open."""
REPEATS = 5
"""How often a service gets everything again, until it is killed while at work on that."""
REPEAT_SECONDS = 10.0
"""For each of them."""


@dataclass(frozen=True)
class Strike:
    """A kill, or for target None a fault of the gateway's own."""

    at: float
    """Seconds after the beginning."""
    target: Target | None
    down: float
    """Seconds until it is started again, or until the fault is switched off."""
    fault: int = 0
    """Which of SWITCHES."""


class Kill(BaseModel):
    """A strike that was carried out."""

    model_config = ConfigDict(frozen=True)

    at: float
    """Seconds after the beginning."""
    what: str
    back: float
    """When it ran again."""
    sagas: list[str] = []
    """Orders whose saga was between two steps or inside one, with the step."""


def plan(chance: random.Random, targets: Sequence[Target], seconds: float, every: float) -> list[Strike]:
    """Strikes for so many seconds: everything once, in some order, then by weight; the gateway's between."""
    first = list(targets)
    chance.shuffle(first)
    weights = [WEIGHTS.get(each.name, 1) for each in targets]
    strikes: list[Strike] = []
    at = every
    while at < seconds:
        target = first.pop() if first else chance.choices(targets, weights)[0]
        strikes.append(Strike(at, target, chance.uniform(0.0, 2.5)))
        if chance.random() < 0.35:
            down, fault = chance.uniform(1.0, 4.0), chance.randrange(len(SWITCHES))
            strikes.append(Strike(at + every / 2, None, down, fault))
        at += every * chance.uniform(0.6, 1.4)
    return strikes


class Chaos:
    """Carries out a plan on a stage."""

    def __init__(self, stage: Stage, at: Addresses) -> None:
        self._stage = stage
        self._signer = from_file(at.private_key)
        self._orders = httpx.AsyncClient(
            base_url=at.services["order-processing"], timeout=1.0, trust_env=False
        )
        self._gateway = httpx.AsyncClient(
            base_url=at.services["testgateway"],
            timeout=2.0,
            trust_env=False,
            headers={"Authorization": f"Bearer {at.gateway_key}"},
        )
        assert at.broker is not None, "expected a stage with a broker"
        self._broker = Broker(at.broker)
        self.kills: list[Kill] = []
        self.switched = 0
        """Faults of the gateway that were switched on."""
        self._busy: set[Target | None] = set()
        self._began = 0.0

    @property
    def inside_sagas(self) -> int:
        """Kills while a saga was open."""
        return sum(bool(kill.sagas) for kill in self.kills)

    async def run(self, strikes: Sequence[Strike], repeat_at: float) -> None:
        """Returns when everything runs again and the gateway has no faults.

        After `repeat_at` seconds the broker delivers everything again.
        """
        self._began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat(repeat_at))
            for strike in sorted(strikes, key=lambda each: each.at):
                await asyncio.sleep(max(0.0, strike.at - self._now()))
                if strike.target not in self._busy:  # it may not be up from the last time
                    self._busy.add(strike.target)
                    tasks.create_task(self._strike(strike))
        await self._switch([])

    async def close(self) -> None:
        """Gives up its connections."""
        await self._orders.aclose()
        await self._gateway.aclose()

    async def open_sagas(self) -> list[str] | None:
        """Of orders on their way from reservation to invoice, without those that wait for a person.

        None when order-processing does not say.
        """
        token = self._signer.token("chaos", "order-processing:admin", seconds=60)
        try:
            answer = await self._orders.get(
                "/admin/sagas",
                params={"state": "open", "kind": "order", "limit": 50},
                headers={"Authorization": f"Bearer {token}"},
            )
        except httpx.TransportError:
            return None
        if answer.status_code != 200:
            return None
        return [
            f"{each['order_id']} {each['step']}" for each in answer.json()["items"] if not each["waiting"]
        ]

    async def _strike(self, strike: Strike) -> None:
        try:
            if strike.target is None:
                await self._switch([SWITCHES[strike.fault]])
                self.switched += 1
                await asyncio.sleep(strike.down)
                await self._switch([])
                return
            await self._kill(strike.target, strike.down, await self._inside())
        finally:
            self._busy.discard(strike.target)

    async def _kill(self, target: Target, down: float, sagas: list[str]) -> None:
        at = self._now()
        await self._stage.kill(target, down)
        self.kills.append(Kill(at=round(at, 2), what=str(target), back=round(self._now(), 2), sagas=sagas))

    async def _repeat(self, at: float) -> None:
        """The broker delivers everything again, and each service is killed while at work on that.

        What was in hand then comes a third time, later than all that had come after it.
        """
        await asyncio.sleep(at)
        while True:
            with suppress(*GONE):
                streams = await self._broker.streams()
                break
            await asyncio.sleep(0.1)
        again = [target for target in self._stage.targets if target.name in streams]
        await asyncio.gather(*(self._while_repeating(target, streams[target.name]) for target in again))

    async def _while_repeating(self, target: Target, streams: Sequence[str]) -> None:
        for _ in range(REPEATS):
            while target in self._busy:
                await asyncio.sleep(0.05)
            with suppress(*GONE):
                at_work = await self._broker.repeat(target.name, streams, REPEAT_SECONDS)
                if at_work and target not in self._busy:
                    self._busy.add(target)
                    try:
                        await self._kill(target, 0.0, [])
                    finally:
                        self._busy.discard(target)
                    return

    async def _inside(self) -> list[str]:
        """Open sagas, as soon as there are some; none if there are none for long, or nobody says."""
        until = time.monotonic() + LOOK_SECONDS
        while True:
            sagas = await self.open_sagas()
            if sagas or time.monotonic() > until:
                return sagas or []
            await asyncio.sleep(0.02)

    async def _switch(self, faults: list[dict[str, Any]]) -> None:
        """Again and again: the gateway may be down, and none of its faults may outlast the run."""
        while True:
            try:
                answer = await self._gateway.put("/faults", json={"faults": faults})
                if answer.status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.2)

    def _now(self) -> float:
        return time.monotonic() - self._began
