"""What the API server refuses in one pass over a ShopService, and what is done all the same."""

import pytest
from shop_operator.cluster.client import ApiError
from shop_operator.engine.reconcile import Incomplete

from ..support.world import PORTS, World, passed, refusing


async def test_all_that_was_refused_is_said_and_the_pass_is_to_be_made_again(still: World) -> None:
    still.api.refuse = refusing(
        {
            "apply Service cart": ApiError(422, "Invalid", "ports: wrong"),
            "apply ServiceAccount cart": ApiError(403, "Forbidden", "no right"),
        }
    )
    still.apply(ports=PORTS)
    said = "ServiceAccount cart: no right; Service cart: ports: wrong"
    with pytest.raises(Incomplete) as raised:
        await passed(still)
    assert str(raised.value) == said
    found = still.condition("Reconciled")
    assert (found["reason"], found["message"]) == ("ChildRefused", said)
    assert still.api.events == [f"Warning ChildRefused Reconcile: {said}"]


async def test_a_child_that_may_not_be_looked_for_is_not_written_either(still: World) -> None:
    still.api.refuse = refusing({"get Deployment cart": ApiError(403, "Forbidden", "no right")})
    still.apply(ports=PORTS)
    with pytest.raises(Incomplete, match=r"^Deployment cart: no right$"):
        await passed(still)
    assert "apply Deployment cart" not in still.api.calls
    assert still.api.has("Service")


async def test_after_a_race_what_else_could_be_done_is_done_and_nothing_reported(still: World) -> None:
    raced = ApiError(409, "Conflict", "the object was modified")
    still.api.refuse = refusing({"apply Service cart": raced})
    still.apply(ports=PORTS)
    with pytest.raises(ApiError) as raised:
        await passed(still)
    assert raised.value is raced
    assert still.api.has("Deployment")
    assert still.status() == {}


@pytest.mark.parametrize("status", [0, 401, 429])
async def test_where_the_server_itself_is_missing_nothing_more_is_tried(still: World, status: int) -> None:
    still.api.refuse = refusing({"apply Service cart": ApiError(status, "", "away")})
    still.apply(ports=PORTS)
    with pytest.raises(ApiError, match="away"):
        await passed(still)
    # What is done at the same time is done to its end; the Deployment would have come after it.
    assert "apply ConfigMap cart-callers" in still.api.calls
    assert "apply Deployment cart" not in still.api.calls


@pytest.mark.parametrize(
    ("call", "status", "message", "reason"),
    [
        ("PersistentVolumeClaim data-cart-db-0", 403, "only resize if the class allows", "VolumeCannotGrow"),
        ("PersistentVolumeClaim data-cart-db-0", 403, "no right", "ChildRefused"),
        ("PersistentVolumeClaim data-cart-db-0", 422, "resize to less is wrong", "ChildRefused"),
        ("StatefulSet cart-db", 403, "resize", "ChildRefused"),
    ],
)
async def test_that_a_volume_cannot_grow_is_told_from_other_refusals(
    still: World, call: str, status: int, message: str, reason: str
) -> None:
    still.api.refuse = refusing({f"apply {call}": ApiError(status, "", message)})
    still.apply(database={})
    with pytest.raises(Incomplete):
        await passed(still)
    found = still.condition("Reconciled")
    assert (found["reason"], found["message"]) == (reason, f"{call}: {message}")
