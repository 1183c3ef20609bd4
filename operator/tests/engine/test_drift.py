"""Children that were changed or deleted: put back, and told of."""

from typing import Any

from shop_operator.engine.cache import Ref

from ..support.world import CART, MANAGED, PORTS, World, passed, running, secret_data


async def test_all_who_changed_a_child_are_named(world: World) -> None:
    world.apply(ports=PORTS)
    await world.quiet()

    def two(live: dict[str, Any]) -> None:
        live["spec"].update(selector={"a": "b"})
        wrote = {"manager": "zoe", "time": "2026", "fieldsV1": {"f:spec": {}}}
        live["metadata"]["managedFields"] = [wrote]

    world.api.edit("Service", "cart", two, manager="joe")
    await world.quiet()
    (told,) = world.api.events
    assert "was changed by joe, zoe; put back" in told


async def test_a_field_of_which_nobody_is_known_to_have_removed_it_is_put_back(world: World) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    live = world.api.live("Service")
    bare = {**live, "spec": {**live["spec"], "ports": []}}
    world.api.put(bare)
    await world.quiet()
    assert world.api.events == [
        "Warning DriftRepaired Apply: Service cart: spec.ports[port=80,protocol=TCP] was removed by an"
        " unknown manager; put back"
    ]


async def test_a_field_that_the_cluster_does_not_keep_is_said_and_is_no_drift(world: World) -> None:
    def webhook(manifest: dict[str, Any]) -> dict[str, Any]:
        if manifest["kind"] == "Service":
            del manifest["spec"]["selector"], manifest["spec"]["type"]
        return manifest

    world.api.admission = webhook
    world.apply(ports=PORTS)
    await world.quiet()
    world.api.put({**world.api.live("ShopService"), "metadata": {"labels": {"team": "a"}, "name": "cart",
                                                               "namespace": "shop"}})  # fmt: skip
    world.engine.cache.update("ShopService", world.api.live("ShopService"))
    await world.quiet()
    found = world.condition("Reconciled")
    assert (found["status"], found["reason"]) == ("False", "FieldNotKept")
    assert found["message"] == (
        "Service cart: the API server has spec.type, spec.selector otherwise than given: does this cluster"
        " not know the field, or does an admission webhook change it?"
    )
    assert world.counted("shop_operator_drift_repaired_total", kind="Service", what="edited") == 0
    assert not any("DriftRepaired" in event for event in world.api.events)


async def test_a_credential_that_was_deleted_is_made_again_as_it_was_and_it_is_told(world: World) -> None:
    world.apply(database={})
    await world.quiet()
    before = secret_data(world, "cart-db")
    assert len(before["password"]) == 32
    world.written()
    world.api.remove("Secret", "cart-db")
    await world.quiet()
    assert secret_data(world, "cart-db") == before
    assert world.written() == [
        "create Secret cart-db",
        "apply ShopService cart status",
        "create Event ChildRestored",
    ]
    assert world.api.events[-1] == "Warning ChildRestored Apply: Secret cart-db was deleted; made again"


async def test_what_is_deleted_again_and_again_is_told_although_the_status_stays_the_same(
    world: World,
) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    world.api.remove("Service", "cart")
    await world.quiet()
    world.api.calls.clear()
    world.api.remove("Service", "cart")
    await world.quiet()
    assert world.api.calls == [
        "get Service cart", "apply Service cart", "get ShopService cart", "patch Event 2"
    ]  # fmt: skip
    assert world.counted("shop_operator_drift_repaired_total", kind="Service", what="deleted") == 2


async def test_of_children_that_went_with_their_service_nothing_is_told(world: World) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    for _ in range(2):  # the first time the status says that it was made again, the second it says so already
        world.api.remove("Service", "cart")
        await world.quiet()
    told = list(world.api.events)
    del world.api.objects[Ref("ShopService", "shop", "cart")]
    world.api.remove("Service", "cart")
    await world.quiet()
    assert world.api.events == told
    assert world.engine.cache.get("ShopService", *CART) is None


async def test_whose_status_can_be_written_to_nobody_is_not_asked_for_again(world: World) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    del world.api.objects[Ref("ShopService", "shop", "cart")]
    world.api.calls.clear()
    world.api.remove("Service", "cart")
    await world.quiet()
    assert world.api.calls == ["get Service cart", "apply Service cart", "apply ShopService cart status"]
    assert world.api.events == []


async def test_a_child_without_its_labels_is_found_by_its_name_and_gets_them_back(world: World) -> None:
    world.apply(ports=PORTS)
    await world.quiet()
    world.api.edit("Service", "cart", lambda live: live["metadata"].update(labels={}))
    async with running(world.api) as again:
        again.engine.cache.update("ShopService", world.api.live("ShopService"))
        await again.quiet()
        assert world.api.live("Service")["metadata"]["labels"]["shopservice.dev/name"] == "cart"
        assert again.condition("Reconciled")["status"] == "True"


async def test_what_is_there_and_not_known_yet_is_read_before_anything_is_made_of_it(still: World) -> None:
    still.apply(ports=PORTS, database={})
    await passed(still)
    again = World(still.api)
    again.engine.cache.update("ShopService", still.api.live("ShopService"))
    heard: list[Any] = []
    again.engine.cache.listen(lambda *told: heard.append(told))
    again.api.calls.clear()
    await passed(again)
    assert again.written() == []
    assert heard == []


async def test_credentials_without_their_labels_keep_their_passwords_and_get_the_labels_back(
    still: World,
) -> None:
    spec = {"database": {"deletionPolicy": "Delete"}}
    still.apply(**spec)
    await passed(still)
    names = ("cart-db", "cart-db-logins")
    before = [secret_data(still, name) for name in names]
    for name in names:
        still.api.edit("Secret", name, lambda live: live["metadata"].update(labels={}))
    again = World(still.api)
    again.engine.cache.update("ShopService", still.api.live("ShopService"))
    await passed(again)
    assert [secret_data(again, name) for name in names] == before
    for name in names:
        assert again.api.live("Secret", name)["metadata"]["labels"]["shopservice.dev/name"] == "cart"


async def test_a_retained_credential_without_its_labels_is_nobodys_and_is_not_overwritten(
    still: World,
) -> None:
    still.apply(database={})
    await passed(still)
    before = secret_data(still, "cart-db")
    still.api.edit("Secret", "cart-db", lambda live: live["metadata"].update(labels={}))
    again = World(still.api)
    again.engine.cache.update("ShopService", still.api.live("ShopService"))
    await passed(again)
    assert secret_data(again, "cart-db") == before
    assert again.condition("Reconciled")["reason"] == "ChildConflict"


async def test_a_secret_may_hold_what_is_no_text_or_nothing(world: World) -> None:
    world.apply(database={})
    await world.quiet()
    world.api.edit("Secret", "cart-db", lambda live: live["data"].update(key="/w=="))
    labels = {**MANAGED, "shopservice.dev/name": "cart"}
    world.api.put({"kind": "Secret", "metadata": {"name": "mine", "namespace": "shop", "labels": labels}})
    world.apply(database={}, replicas=2)
    await world.quiet()
    assert world.api.live("Deployment")["spec"]["replicas"] == 2
    assert world.condition("Reconciled")["status"] == "True"
