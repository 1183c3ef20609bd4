"""Volumes that are kept: protected, given back, taken up again, grown. No volume controller runs here: what
it would do is written by hand."""

import pytest
from shop_operator.cluster import kinds

pytestmark = pytest.mark.apiserver

CLAIM = "data-cart-db-0"
STORAGE_CLASS = kinds.Kind("storage.k8s.io/v1", "StorageClass", "storageclasses", namespaced=False)


def policy(volume: dict) -> str:
    return volume["spec"]["persistentVolumeReclaimPolicy"]


async def bound(cluster, **status) -> str:
    """The database's claim gets a volume; its name."""
    claim = await cluster.until_there("PersistentVolumeClaim", CLAIM)
    volume = await cluster.volume(CLAIM, uid=claim["metadata"]["uid"])
    await cluster.bind(CLAIM, volume, **status)
    return volume


async def test_the_volume_of_kept_data_is_protected_and_given_back(cluster, operator) -> None:
    await operator.start()
    await cluster.apply("cart", database={})
    await cluster.until_condition("cart", "DataProtected", "Unknown", "Pending")
    volume = await bound(cluster)
    await cluster.until_volume(volume, lambda live: policy(live) == "Retain")
    found = await cluster.until_condition("cart", "DataProtected", "True", "Protected")
    assert CLAIM in found["message"]
    # Somebody undoes it.
    await cluster.api.merge(
        kinds.VOLUME, "", volume, {"spec": {"persistentVolumeReclaimPolicy": "Delete"}}, manager="kubectl"
    )
    await cluster.until_volume(volume, lambda live: policy(live) == "Retain")
    await cluster.apply("cart", database={"deletionPolicy": "Delete"})
    await cluster.until_volume(volume, lambda live: policy(live) == "Delete")

    async def nothing_to_protect() -> bool:
        return not await cluster.condition("cart", "DataProtected")

    await cluster.until(nothing_to_protect)


async def test_without_the_right_it_says_that_the_data_is_not_protected(cluster, operator) -> None:
    await operator.start(SHOP_OPERATOR_PROTECT_VOLUMES="false")
    await cluster.apply("cart", database={})
    volume = await bound(cluster)
    found = await cluster.until_condition("cart", "DataProtected", "False", "NotPermitted")
    assert f"deleting the namespace deletes the data of {CLAIM}" in found["message"]
    await cluster.until(operator.idle)
    assert policy(await cluster.until_volume(volume, bool)) == "Delete"


async def test_a_volume_of_the_deleted_namespace_is_taken_up_again(cluster, operator) -> None:
    volume = await cluster.volume(CLAIM, uid="gone", policy="Retain", phase="Released")
    await operator.start()
    await cluster.apply("cart", database={"adoptVolume": volume})
    freed = await cluster.until_volume(volume, lambda live: "uid" not in live["spec"]["claimRef"])
    assert freed["spec"]["claimRef"]["name"] == CLAIM
    claim = await cluster.until_there("PersistentVolumeClaim", CLAIM)
    assert claim["spec"]["volumeName"] == volume
    # Kept, and taken up without naming the volume again: what cannot change is not tried.
    await cluster.apply("cart")
    await cluster.until_gone("StatefulSet", "cart-db")
    await cluster.apply("cart", database={})
    await cluster.until_reconciled("cart")
    assert (await cluster.get("PersistentVolumeClaim", CLAIM))["spec"]["volumeName"] == volume


async def test_a_volume_of_another_namespace_is_not_taken(cluster, operator) -> None:
    volume = await cluster.volume(CLAIM, namespace="finance", uid="gone", policy="Retain", phase="Released")
    await operator.start()
    await cluster.apply("cart", database={"adoptVolume": volume})
    await cluster.until_there("PersistentVolumeClaim", CLAIM)
    await cluster.set_status("PersistentVolumeClaim", CLAIM, phase="Pending")
    found = await cluster.until_condition("cart", "Reconciled", "False", "VolumeNotAdopted")
    assert f"belongs to claim finance/{CLAIM}" in found["message"]
    assert (await cluster.until_volume(volume, bool))["spec"]["claimRef"]["uid"] == "gone"
    # Whoever may change volumes frees it.
    await cluster.api.merge(kinds.VOLUME, "", volume, {"spec": {"claimRef": None}}, manager="kubectl")
    await cluster.until_reconciled("cart")


async def test_a_storage_class_that_cannot_grow_is_said_and_the_rest_goes_on(cluster, operator) -> None:
    rigid = {
        "apiVersion": STORAGE_CLASS.api_version,
        "kind": STORAGE_CLASS.kind,
        "metadata": {"name": "rigid"},
        "provisioner": "example.com/none",
    }
    await cluster.api.create(rigid, STORAGE_CLASS, manager="kubectl")
    await operator.start()
    await cluster.apply("cart", database={"storageClassName": "rigid"})
    await bound(cluster, capacity={"storage": "1Gi"})
    await cluster.apply("cart", database={"storageClassName": "rigid", "storage": "2Gi"}, replicas=2)
    found = await cluster.until_condition("cart", "Reconciled", "False", "VolumeCannotGrow")
    assert f"PersistentVolumeClaim {CLAIM}: " in found["message"]
    assert "resize" in found["message"]
    assert (await cluster.get("Deployment", "cart"))["spec"]["replicas"] == 2
    # Then it can.
    await cluster.api.merge(STORAGE_CLASS, "", "rigid", {"allowVolumeExpansion": True}, manager="kubectl")
    await cluster.apply("cart", database={"storageClassName": "rigid", "storage": "2Gi"}, replicas=3)
    grows = await cluster.until_condition("cart", "Reconciled", "True", "VolumeGrows")
    assert "has 1Gi and grows to 2Gi" in grows["message"]
    await cluster.set_status("PersistentVolumeClaim", CLAIM, capacity={"storage": "2Gi"})
    await cluster.until_condition("cart", "Reconciled", "True", "Applied")


async def test_a_database_that_returns_with_less_storage_keeps_its_volume_and_says_so(
    cluster, operator
) -> None:
    await operator.start()
    await cluster.apply("cart", database={"storage": "2Gi"})
    await cluster.until_there("PersistentVolumeClaim", CLAIM)
    await cluster.apply("cart")
    await cluster.until_gone("StatefulSet", "cart-db")
    await cluster.apply("cart", database={"storage": "1Gi"})
    found = await cluster.until_condition("cart", "Reconciled", "True", "VolumeIsLarger")
    assert f"claim {CLAIM}, which was kept, has 2Gi and cannot shrink" in found["message"]
    await cluster.until_there("StatefulSet", "cart-db")
    # Nothing is tried again and again.
    await cluster.until(operator.idle)
    cluster.mark()
    operator.kill()
    await operator.start()
    await cluster.until(operator.idle)
    assert not [call for call in cluster.calls() if not call.startswith("list")]
