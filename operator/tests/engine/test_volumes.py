"""Which PersistentVolumes are protected, given back, taken up again: pure decisions."""

from typing import Any

import pytest
from shop_operator.engine.cache import Cache, Key
from shop_operator.engine.volumes import BEFORE, Volume, Volumes, volume_of

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


def test_of_a_volume_that_says_nothing_nothing_is_known() -> None:
    bare = {"metadata": {"name": "pv1"}, "spec": {}}
    assert volume_of(bare) == Volume("pv1", "", "", "", "", "", "", "")
    assert volume_of({**bare, "spec": {"claimRef": {}}, "status": {}}) == volume_of(bare)
    whole = volume("Retain", "Released", before="Delete")
    assert volume_of(whole) == Volume("pv1", "Released", "Retain", "standard", "shop", NAME, "u1", "Delete")


def test_a_volume_that_is_reserved_for_a_claim_is_protected_before_it_is_bound_to_it() -> None:
    (body,) = bodies(seen(volume("Delete", "Available", uid="")), claim())
    assert body["spec"] == {"persistentVolumeReclaimPolicy": "Retain"}


def test_a_claim_without_a_volume_is_nothing_to_patch_and_the_others_are_still_looked_at() -> None:
    waiting = claim(volumeName="")
    waiting["metadata"]["name"] = "data-cart-cache-0"
    del waiting["spec"]["volumeName"]
    (body,) = bodies(seen(volume("Delete")), waiting, claim())
    assert body["spec"] == {"persistentVolumeReclaimPolicy": "Retain"}


def test_why_a_volume_is_changed_is_said() -> None:
    def why(volumes: Volumes, of: dict[str, Any]) -> str:
        (patch,) = volumes.patches([of])
        assert patch.volume == "pv1"
        return patch.why

    assert why(seen(volume("Delete")), claim()) == f"protected: claim {NAME} is to be kept"
    given_back = why(seen(volume("Retain", before="Delete")), claim(owned=True))
    assert given_back == f"goes with claim {NAME} again"
    for phase in ("Released", "Failed"):
        taken = why(seen(volume("Retain", phase)), claim(uid="u2", phase="Pending"))
        assert taken == f"taken up again by claim {NAME}"


def test_what_is_said_of_the_datas_protection() -> None:
    def message(volumes: Volumes, *claims: dict[str, Any]) -> str:
        found = volumes.protection(claims)
        assert found
        assert found.type == "DataProtected"
        return found.message

    other = claim()
    other["metadata"] = {**other["metadata"], "name": "data-cart-cache-0"}
    assert message(seen(volume("Retain")), claim()) == f"{NAME}: the volume outlives its namespace"
    assert message(seen(), claim(), other) == (
        f"the volume of data-cart-cache-0, {NAME} is not bound yet, or not yet protected"
    )
    assert message(Volumes(Cache()), claim(), other) == (
        f"deleting the namespace deletes the data of data-cart-cache-0, {NAME}, unless the storage class "
        "retains it: the operator may not protect PersistentVolumes (Helm value protectVolumes)"
    )


def test_what_keeps_a_claim_from_its_volume_is_said_with_what_to_do() -> None:
    waiting = claim(uid="u2", phase="Pending")
    waits = f"claim {NAME} waits for PersistentVolume pv1"
    free = '`kubectl patch pv pv1 --type=merge -p \'{"spec":{"claimRef":null}}\'`'
    assert list(Volumes(Cache()).obstacles([waiting])) == [
        f"{waits}: where it is Released, free it with {free}"
    ]
    assert list(seen().obstacles([waiting])) == [f"{waits}, which does not exist"]
    assert list(seen(volume("Retain", "Released", name="other")).obstacles([waiting])) == [
        f"{waits}, which belongs to claim shop/other: only who may change PersistentVolumes can free it,"
        f" with {free}"
    ]
    without_class = volume("Retain", "Released")
    del without_class["spec"]["storageClassName"]
    assert list(seen(without_class).obstacles([waiting])) == [
        f"{waits}, whose storage class is none: set that one"
    ]
    neither = claim(uid="u2", phase="Pending")
    del neither["spec"]["storageClassName"]
    assert list(seen(without_class).obstacles([neither])) == []
    # One that nobody has used, and claims of which nothing is known yet or that want none.
    assert list(seen(volume("Retain", "Available", namespace="", name="", uid="")).obstacles([waiting])) == []
    unknown = {**waiting, "status": {}}
    assert list(seen().obstacles([unknown, claim(phase="Pending", volumeName=""), waiting])) == [
        f"{waits}, which does not exist"
    ]


def test_a_list_tells_of_volumes_that_went_and_of_those_that_came() -> None:
    cache = Cache()
    cache.update("PersistentVolumeClaim", claim())
    volumes, told = Volumes(cache), list[Key]()
    api: Any = None
    volumes.reflector(api, told.append)
    assert not volumes.permitted
    volumes.replace("PersistentVolume", [volume("Delete")], "1")
    assert volumes.permitted
    assert told == [Key("shop", "cart")]
    volumes.replace("PersistentVolume", [volume("Delete")], "2")
    assert len(told) == 1
    volumes.replace("PersistentVolume", [], "3")
    assert len(told) > 1
    assert list(volumes.patches([claim()])) == []


def test_a_bound_volume_is_told_to_its_claim_alone_and_not_to_who_names_it() -> None:
    """Else each change of a volume would wake whoever wrote its name into a ShopService."""
    cache = Cache()
    stranger = claim(uid="u9")
    stranger["metadata"] = {**stranger["metadata"], "namespace": "finance"}
    cache.update("PersistentVolumeClaim", stranger)
    volumes, told = Volumes(cache), list[Key]()
    api: Any = None
    volumes.reflector(api, told.append)
    volumes.update("PersistentVolume", volume("Delete"))
    assert told == []
    volumes.update("PersistentVolume", volume("Delete", "Released"))
    assert told == [Key("finance", "cart")]
