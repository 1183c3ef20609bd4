"""The sweep finds what is another's and can be read or changed."""

from collections.abc import Iterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter
from pydantic import BaseModel
from shop_chassis.auth import Principal, require
from shop_chassis.problems import Problem
from shop_chassis.service import Service
from shop_chassis.settings import Settings
from shop_chassis.signing import Signer
from shop_chassis.testing.ownership import sweep_ownership

User = Annotated[Principal, require()]


class Note(BaseModel):
    text: str


class Notes:
    """Everybody's, by id; `mine` is what every handler should ask."""

    def __init__(self) -> None:
        self.texts = {"n-ann": ("ann", "private"), "n-ben": ("ben", "his")}

    def mine(self, id: str, user: Principal) -> Note:
        owner, text = self.texts.get(id, ("", ""))
        if owner != user.subject:
            raise Problem(404, f"there is no note {id}")
        return Note(text=text)

    def routes(self) -> APIRouter:
        router = APIRouter()

        @router.get("/notes")
        async def page(user: User) -> list[str]:
            return [id for id, (owner, _) in self.texts.items() if owner == user.subject]

        @router.get("/notes/{id}")
        async def read(id: str, user: User) -> Note:
            return self.mine(id, user)

        @router.put("/notes/{id}")
        async def change(id: str, note: Note, user: User) -> None:
            self.mine(id, user)
            self.texts[id] = (user.subject, note.text)

        @router.delete("/notes/{id}")
        async def remove(id: str, user: User) -> None:
            self.mine(id, user)
            del self.texts[id]

        @router.get("/published/{slug}")
        async def published(slug: str) -> None:
            """Everybody's, so nothing is said of it."""

        return router


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def wrong() -> APIRouter:
    """What is to be found is put here."""
    return APIRouter()


@pytest.fixture
def swept(notes: Notes, wrong: APIRouter, client_of: Any, signer: Signer, jwks: Any) -> Any:
    async def run(things: dict[str, str] | None = None, **more: Any) -> None:
        # What stands first is asked first.
        service = Service("notes", routers=[wrong, notes.routes()])
        async with client_of(service, Settings(auth_jwks=str(jwks), log_access=False)) as http:
            ann, ben = ({"Authorization": f"Bearer {signer.token(who, '')}"} for who in ("ann", "ben"))
            await sweep_ownership(http, ann, ben, things or {"notes": "n-ann"}, **more)

    return run


async def test_what_is_kept_apart(swept: Any, notes: Notes) -> None:
    await swept()
    assert "n-ann" not in notes.texts, "its owner has done everything, too"


@pytest.fixture
def found(swept: Any) -> Any:
    async def run(*args: Any, **more: Any) -> str:
        with pytest.raises(AssertionError) as caught:
            await swept(*args, **more)
        return str(caught.value)

    return run


async def test_what_another_can_read_is_found(found: Any, wrong: APIRouter, notes: Notes) -> None:
    @wrong.get("/notes/{id}/text")
    async def text(id: str, user: User) -> str:
        return notes.texts[id][1]

    assert 'GET /notes/{id}/text, by another: expected 404, answered 200 "private"' in await found()


async def test_what_another_changes_is_found_whatever_is_answered(
    found: Any, wrong: APIRouter, notes: Notes
) -> None:
    @wrong.post("/notes/{id}:empty")
    async def empty(id: str, user: User) -> None:
        notes.texts[id] = (notes.texts[id][0], "")
        notes.mine(id, user)

    assert "GET /notes/{id}, changed by another: expected (200, {'text': 'private'})" in await found()


async def test_a_list_of_everybodys_is_found(found: Any, wrong: APIRouter, notes: Notes) -> None:
    @wrong.get("/notes")
    async def all_of_them(user: User) -> list[str]:
        return list(notes.texts)

    assert "GET /notes shows one of notes to another" in await found()


async def test_what_proves_nothing_is_found(found: Any, wrong: APIRouter) -> None:
    @wrong.get("/notes/{id}/picture")
    async def picture(id: str, user: User) -> None:
        raise Problem(404, "for nobody")

    assert (
        "GET /notes/{id}/picture, by the owner: expected that it can be done, answered 404" in await found()
    )
    assert "the owner reads nowhere that one of notes is there" in await found({"notes": "n-none"})


async def test_exceptions_are_exact(swept: Any, found: Any, wrong: APIRouter, notes: Notes) -> None:
    marks: set[tuple[str, str]] = set()

    @wrong.put("/notes/{id}/mark", status_code=204)
    async def mark(id: str, user: User) -> None:
        marks.add((id, user.subject))

    await swept(otherwise={"PUT /notes/{id}/mark": 204})
    assert "PUT /notes/{id}/mark, by another: expected 404, answered 204" in await found()
    stale = {"PUT /notes/{id}/mark": 204, "POST /notes": 201}
    assert "POST /notes: no route that names something" in await found(otherwise=stale)


@pytest.fixture(params=["/notes/{id}/parts/{part}", "/parts/{id}"])
def unknown(request: pytest.FixtureRequest, wrong: APIRouter) -> Iterator[str]:
    @wrong.get(request.param)
    async def read(user: User) -> None: ...

    return request.param


async def test_a_new_route_asks_for_what_it_names(swept: Any, unknown: str) -> None:
    with pytest.raises(LookupError, match="expected to be told one of parts") as caught:
        await swept()
    assert f"GET {unknown}" in str(caught.value)
    assert 'add {"parts": …}' in str(caught.value)


async def test_what_names_nothing_has_nothing_to_try(client_of: Any, jwks: Any) -> None:
    router = APIRouter()

    @router.get("/me")
    async def me(user: User) -> None: ...

    async with client_of(Service("x", routers=[router]), Settings(auth_jwks=str(jwks))) as http:
        assert isinstance(http, httpx.AsyncClient)
        with pytest.raises(AssertionError, match="there is nothing to try"):
            await sweep_ownership(http, {}, {}, {})
