"""A family of refresh tokens, whatever its holders, and a thief, do in whatever order."""

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop_chassis.problems import Problem
from shop_chassis.settings import Settings
from shop_chassis.signing import Signer
from shop_chassis.store import Store
from shop_contracts.user import api
from shop_user.family import Lifetimes, Presented, State, presented
from shop_user.sessions import Holder, Sessions
from shop_user.tables import METADATA, OUTBOX, REFRESH_TOKEN, SESSION
from shop_user.tokens import Issuer
from sqlalchemy import func, select, update

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("left", [-SECOND, timedelta(0), SECOND])
def test_the_rule(ended: bool, used: bool, left: timedelta) -> None:
    outcome = presented(State(used, NOW + left, ended), NOW)
    if ended:
        assert outcome is Presented.TOO_LATE
    elif used:
        assert outcome is Presented.REUSED  # however old
    else:
        assert outcome is (Presented.NEWEST if left > timedelta(0) else Presented.TOO_LATE)


def test_a_token_never_outlives_its_session() -> None:
    lifetimes = Lifetimes(idle=timedelta(days=30), longest=timedelta(days=180))
    assert lifetimes.token_expires(NOW, NOW + timedelta(days=180)) == NOW + timedelta(days=30)
    assert lifetimes.token_expires(NOW, NOW + timedelta(days=3)) == NOW + timedelta(days=3)


@dataclass(frozen=True)
class Step:
    """Somebody sends one of the tokens handed out so far: 0 is the newest, 1 the one before it."""

    what: str
    back: int


@dataclass
class World:
    """A store with sessions in it, on a loop of its own."""

    runner: asyncio.Runner
    store: Store
    sessions: Sessions

    async def open(self) -> api.Tokens:
        async with self.store.transaction() as session:
            return await self.sessions.open(session, Holder.guest())

    async def expire(self, id: object) -> None:
        async with self.store.transaction() as session:
            mine = REFRESH_TOKEN.c.session_id == id
            await session.execute(
                update(REFRESH_TOKEN).where(mine).values(expires_at=NOW - timedelta(days=900))
            )

    async def state(self, tokens: api.Tokens) -> tuple[bool, int, int]:
        """Whether it goes on, how many of its tokens are good for a refresh, how often it was revoked."""
        goes_on = SESSION.c.ended_at.is_(None)
        good = (
            select(func.count())
            .select_from(REFRESH_TOKEN)
            .where(
                REFRESH_TOKEN.c.session_id == SESSION.c.id,
                REFRESH_TOKEN.c.used_at.is_(None),
                REFRESH_TOKEN.c.expires_at > datetime.now(UTC),
                goes_on,
            )
        )
        revoked = select(func.count()).where(OUTBOX.events.c.subject == tokens.subject)
        query = select(goes_on, good.scalar_subquery(), revoked.scalar_subquery())
        async with self.store.session() as session:
            row = (await session.execute(query.where(SESSION.c.id == tokens.session_id))).one()
        return bool(row[0]), row[1], row[2]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        key = Path(folder) / "private.pem"
        key.write_text(Signer.generate().pem)
        store = Store(Settings(database_url=f"sqlite:///{folder}/user.db"), "user")
        issuer = Issuer(key, issuer="shop", audience="shop", seconds=600)
        lifetimes = Lifetimes(timedelta(days=30), timedelta(days=180))

        async def create() -> None:
            async with store.engine.begin() as connection:
                await connection.run_sync(METADATA.create_all)

        runner.run(create())
        yield World(runner, store, Sessions(store, issuer, lifetimes))
        runner.run(store.stop())


@dataclass
class Family:
    """What must hold of one family, beside what the store says."""

    handed_out: list[str]
    ended: bool = False
    expired: bool = False
    revocations: int = field(default=0)


async def play(world: World, steps: list[Step]) -> None:
    tokens = await world.open()
    family = Family([tokens.refresh_token])
    for step in steps:
        token = family.handed_out[-1 - min(step.back, len(family.handed_out) - 1)]
        newest = token == family.handed_out[-1]
        match step.what:
            case "expire":
                await world.expire(tokens.session_id)
                family.expired = True
            case "logout":
                await world.sessions.logout(token)
                family.revocations += not family.ended
                family.ended = True
            case "refresh":
                if not newest or family.ended or family.expired:
                    with pytest.raises(Problem) as refused:
                        await world.sessions.refresh(token)
                    assert (refused.value.status, refused.value.type) == (401, "session-ended")
                else:
                    following = await world.sessions.refresh(token)
                    assert (following.session_id, following.subject) == (tokens.session_id, tokens.subject)
                    family.handed_out.append(following.refresh_token)
                if not newest and not family.ended:
                    family.ended, family.revocations = True, family.revocations + 1
        goes_on, good, revoked = await world.state(tokens)
        assert goes_on is not family.ended
        assert good == (0 if family.ended or family.expired else 1)
        assert revoked == family.revocations <= 1


steps = st.builds(
    Step, st.sampled_from(["refresh"] * 6 + ["logout", "expire"]), st.sampled_from([0, 0, 0, 0, 1, 2, 5])
)


@settings(max_examples=30, deadline=None)
@given(schedule=st.lists(steps, max_size=10))
def test_one_good_token_at_most_and_a_reuse_ends_all(world: World, schedule: list[Step]) -> None:
    world.runner.run(play(world, schedule))


@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from(["refresh", "logout"]), min_size=2, max_size=6))
def test_at_once_one_of_all_gets_the_next_token_at_most(world: World, at_once: list[str]) -> None:
    async def race() -> None:
        tokens = await world.open()
        token = tokens.refresh_token
        tries = [getattr(world.sessions, what)(token) for what in at_once]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        following = [outcome for outcome in outcomes if isinstance(outcome, api.Tokens)]
        assert len(following) <= 1
        goes_on, good, revoked = await world.state(tokens)
        assert not goes_on  # at least two sent it: a second use, or a logout
        assert (good, revoked) == (0, 1)
        for each in following:
            with pytest.raises(Problem):
                await world.sessions.refresh(each.refresh_token)

    world.runner.run(race())
