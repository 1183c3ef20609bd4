"""The sweep finds what is open by mistake."""

from pathlib import Path
from typing import Annotated

import pytest
from fastapi import APIRouter, Depends, Request
from shop_chassis.auth import Principal, optional_user, require, require_any
from shop_chassis.identity import internal
from shop_chassis.limits import limited
from shop_chassis.problems import Problem
from shop_chassis.service import Service
from shop_chassis.settings import Settings
from shop_chassis.testing.sweep import sweep

PUBLIC = {"GET /products/{id}", "GET /carts/{id}"}


def good() -> APIRouter:
    router = APIRouter()

    @router.get("/products/{id}", dependencies=[limited(1, 1)])
    async def product(id: int) -> int:
        return id

    @router.get("/carts/{id}")
    async def cart(id: str, user: Annotated[Principal | None, optional_user()]) -> None:
        if user is None:
            raise Problem(401, "whose cart?")

    @router.put("/admin/products/{id}")
    async def change(
        id: int, body: dict[str, int], user: Annotated[Principal, require("x:admin")]
    ) -> None: ...

    @router.post("/orders", dependencies=[require_any("shop", "guest"), limited(1, 1)])
    async def order() -> None: ...

    @router.get("/me")
    async def me(user: Annotated[Principal, require()]) -> None: ...

    private = APIRouter(prefix="/internal", dependencies=[internal("orders", "cart")])

    @private.delete("/reservations/{id}", dependencies=[internal("orders")])
    async def release(id: str) -> None: ...

    router.include_router(private)
    return router


async def test_a_service_that_is_as_it_should_be(tmp_path: Path) -> None:
    await sweep(Service("x", routers=[good()]), Settings(), tmp_path, public=PUBLIC)


async def faults(tmp_path: Path, router: APIRouter, public: set[str] = PUBLIC) -> str:
    with pytest.raises(AssertionError) as caught:
        await sweep(Service("x", routers=[good(), router]), Settings(), tmp_path, public=public)
    return str(caught.value)


async def test_a_route_that_asks_for_nothing_is_found(tmp_path: Path) -> None:
    router = APIRouter()

    @router.delete("/everything")
    async def everything() -> None: ...

    assert "DELETE /everything is open, but not listed" in await faults(tmp_path, router)
    listed = PUBLIC | {"DELETE /everything", "GET /me"}
    assert "GET /me is listed as public, but asks" in await faults(tmp_path, router, listed)


async def test_a_check_that_does_not_check_is_found(tmp_path: Path) -> None:
    """Says what it needs, and is then answered by something that does not look."""
    router = APIRouter()

    @router.get("/secret", dependencies=[require("shop")])
    async def secret() -> None: ...

    @router.get("/internal/secret", dependencies=[internal("orders")])
    async def for_services() -> None: ...

    async def everybody(request: Request) -> None:
        pass

    open_one = APIRouter()
    open_one.add_api_route("/secret", everybody, include_in_schema=False)
    open_one.add_api_route("/internal/secret", everybody, include_in_schema=False)
    with pytest.raises(AssertionError) as caught:
        await sweep(Service("x", routers=[open_one, router]), Settings(), tmp_path, public=())
    told = str(caught.value)
    for what in ("without a token", "with an expired token", "as a service", "without the scope"):
        assert f"GET /secret, {what}: answered 200" in told
    for what in ("without a token", "as a user", "as another service", "with a token for another service"):
        assert f"GET /internal/secret, {what}: answered 200" in told


async def test_a_route_that_opens_to_nobody_and_one_that_fails_are_found(tmp_path: Path) -> None:
    router = APIRouter()

    async def closed() -> None:
        raise Problem(403, "for nobody")

    @router.get("/closed", dependencies=[require("shop"), Depends(closed)])
    async def never() -> None: ...

    async def broken() -> None:
        raise RuntimeError

    @router.get("/broken", dependencies=[Depends(broken), require("shop")])
    async def fails() -> None: ...

    told = await faults(tmp_path, router)
    assert "GET /closed, with a token that opens it: answered 403" in told
    assert "GET /broken, without a token: answered 500" in told
