"""Training as a process: one at a time, with one database and one model."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from shop_recommendation.models import Models
from shop_recommendation.train import _turn, train
from shop_recommendation.trainer import Trainer

from .conftest import VISITORS, on_sqlite


async def test_two_at_once_are_one(shop: Any) -> None:
    await shop.product("Lamp")
    async with _turn(shop.runtime.store) as mine:
        assert mine
        assert "trained already: nothing done" in await train(shop.runtime.settings)
    assert "model 1" in await train(shop.runtime.settings)
    assert len(await shop.runtime.get(Models).all()) == 1


async def test_asked_for_it_runs_beside_those_who_answer(shop: Any) -> None:
    lamp, bulb = await shop.product("Lamp"), await shop.product("Bulb")
    for number in range(3):
        await shop.view(lamp, VISITORS[number])
        await shop.view(bulb, VISITORS[number])
    admin = shop.token("boss", "recommendation:admin")
    asked = [await shop.http.post("/admin/train", headers=admin) for _ in range(2)]
    assert [answer.status_code for answer in asked] == [202, 202]
    assert [answer.json()["state"] for answer in asked] == ["started", "running"]
    async with asyncio.timeout(120):
        while (await shop.get("/admin/model", admin))["loaded"] is None:
            await shop.get("/recommendations")
            await asyncio.sleep(0.05)
    assert (await shop.get("/admin/model", admin))["loaded"]["interactions"] == 6


@on_sqlite
async def test_without_news_nothing_is_trained_by_itself(shop: Any, monkeypatch: Any) -> None:
    trained = []

    async def train_now(_self: Trainer) -> None:
        trained.append(await shop.train())

    monkeypatch.setattr(Trainer, "train", train_now)
    trainer = shop.runtime.get(Trainer)
    await trainer.train_if_news()
    await trainer.train_if_news()
    assert len(trained) == 1
    await shop.product("Lamp")
    await trainer.train_if_news()
    await trainer.train_if_news()
    assert len(trained) == 2
    await shop.view(None, VISITORS[0])
    await trainer.train_if_news()
    assert len(trained) == 2


async def test_the_command_says_why_it_cannot(tmp_path: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "shop_recommendation", "train",
        env={"DATABASE_URL": f"sqlite:///{tmp_path}/none.db", "PATH": ""},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, error = await child.communicate()
    assert child.returncode == 1
    assert b"recommendation train: OperationalError: no such table: product" in error


def test_who_answers_imports_no_numpy() -> None:
    import subprocess

    code = "import sys, shop_recommendation.service; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
