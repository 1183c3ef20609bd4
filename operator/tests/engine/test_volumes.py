"""Which PersistentVolumes are protected, given back, taken up again: pure decisions."""

from typing import Any

import pytest
from shop_operator.engine.cache import Cache, Key
from shop_operator.engine.volumes import BEFORE, Volumes

NAME = "data-cart-db-0"


def claim(*, owned: bool = False, uid: str = "u1", **spec: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "namespace": "shop", "name": NAME, "uid": uid, "resourceVersion": "5",
        "labels": {"shopservice.dev/name": "cart"},
    }  # fmt: skip
    if owned:
        metadata["ownerReferences"] = [{"kind": "ShopService"}]
    phase = spec.pop("phase", "Bound")
    spec = {"volumeName": "pv1", "storageClassName": "standard", **spec}
    return {"kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec, "status": {"phase": phase}}


def volume(
    policy: str = "Delete", phase: str = "Bound", before: str = "", **reference: str
) -> dict[str, Any]:
    reference = {"namespace": "shop", "name": NAME, "uid": "u1", **reference}
    return {
        "kind": "PersistentVolume",
        "metadata": {"name": "pv1", "annotations": {BEFORE: before} if before else {}},
        "spec": {
            "persistentVolumeReclaimPolicy": policy,
            "claimRef": {key: value for key, value in reference.items() if value},
            "storageClassName": "standard",
        },
        "status": {"phase": phase},
    }


def seen(*volumes: dict[str, Any]) -> Volumes:
    found = Volumes(Cache())
    found.replace("PersistentVolume", list(volumes), "1")
    return found


def bodies(volumes: Volumes, *claims: dict[str, Any]) -> list[dict[str, Any]]:
    return [patch.body for patch in volumes.patches(claims)]


def test_the_volume_of_a_claim_that_is_kept_is_protected_once() -> None:
    (body,) = bodies(seen(volume("Delete")), claim())
    assert body["spec"] == {"persistentVolumeReclaimPolicy": "Retain"}
    assert body["metadata"]["annotations"] == {BEFORE: "Delete"}
    assert bodies(seen(volume("Retain", before="Delete")), claim()) == []


def test_a_claim_that_is_no_longer_kept_gives_its_volume_the_policy_of_before() -> None:
    (body,) = bodies(seen(volume("Retain", before="Delete")), claim(owned=True))
    assert body == {
        "metadata": {"annotations": {BEFORE: None}},
        "spec": {"persistentVolumeReclaimPolicy": "Delete"},
    }
    # Who set it to Retain themselves keeps that.
    assert bodies(seen(volume("Retain")), claim(owned=True)) == []


def test_the_volume_of_the_same_claim_in_a_namespace_that_was_deleted_is_reserved() -> None:
    waiting = claim(uid="u2", phase="Pending")
    (body,) = bodies(seen(volume("Retain", "Released")), waiting)
    assert body == {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}}
    assert bodies(seen(volume("Retain", "Bound")), waiting) == []


@pytest.mark.parametrize("of", [{"namespace": "finance"}, {"name": "data-orders-db-0"}, {"name": ""}])
def test_a_volume_of_another_claim_is_left_alone_whoever_names_it(of: dict[str, str]) -> None:
    """Else a ShopService would be a way to the data of another namespace."""
    waiting = claim(uid="u2", phase="Pending")
    assert bodies(seen(volume("Delete", "Released", **of)), waiting) == []


def test_why_a_volume_is_not_taken_up_is_said() -> None:
    waiting = claim(uid="u2", phase="Pending")
    (other,) = seen(volume("Retain", "Released", namespace="finance")).obstacles([waiting])
    assert "belongs to claim finance/data-cart-db-0: only who may change PersistentVolumes can free" in other
    (missing,) = seen().obstacles([waiting])
    assert "PersistentVolume pv1, which does not exist" in missing
    (right,) = Volumes(Cache()).obstacles([waiting])
    assert "kubectl patch pv pv1" in right
    (unlike,) = seen(volume("Retain", "Released")).obstacles(
        [claim(uid="u2", phase="Pending", storageClassName="x")]
    )
    assert "whose storage class is standard" in unlike
    assert list(seen(volume("Retain", "Released")).obstacles([waiting])) == []
    assert list(seen().obstacles([claim()])) == []


@pytest.mark.parametrize(
    ("volumes", "given", "told"),
    [
        (seen(volume("Retain")), claim(), (True, "Protected")),
        (seen(volume("Delete")), claim(), (None, "Pending")),
        (seen(), claim(volumeName=""), (None, "Pending")),
        (seen(volume("Retain", uid="u0")), claim(), (None, "Pending")),
        (Volumes(Cache()), claim(), (False, "NotPermitted")),
    ],
)
def test_whether_the_data_outlives_its_namespace_is_said(
    volumes: Volumes, given: dict[str, Any], told: tuple[bool | None, str]
) -> None:
    found = volumes.protection([given])
    assert found
    assert (found.status, found.reason) == told
    assert NAME in found.message


def test_data_that_goes_with_its_service_needs_no_protection() -> None:
    assert Volumes(Cache()).protection([claim(owned=True)]) is None


def test_the_service_of_a_volume_that_changes_is_looked_at() -> None:
    cache = Cache()
    cache.update("PersistentVolumeClaim", claim())
    volumes, told = Volumes(cache), []
    api: Any = None
    volumes.reflector(api, told.append)
    volumes.update("PersistentVolume", volume("Delete"))
    assert told == [Key("shop", "cart")]
    volumes.update("PersistentVolume", volume("Delete"))
    assert len(told) == 1
    # A volume that is free, by the claim that waits for it.
    volumes.update("PersistentVolume", volume("Delete", "Available", namespace="", name="", uid=""))
    assert told[-1] == Key("shop", "cart")
    volumes.remove("PersistentVolume", volume())
    assert len(told) > 2
