"""Who scales: pure decisions over plain objects."""

from typing import Any

import pytest
from shop_operator.engine.cache import Key, Ref
from shop_operator.engine.handover import Bounds, leftover, of_others

CART = Key("shop", "cart")
UID = "uid-1"
OURS = {"app.kubernetes.io/managed-by": "shop-operator", "shopservice.dev/name": "cart"}
SCALED_OBJECT = {"kind": "ScaledObject", "name": "cart", "uid": "uid-2", "controller": True}
SERVICE = {"kind": "ShopService", "name": "cart", "uid": UID, "controller": True}


def hpa(name: str = "cart", *, owner: dict[str, Any] | None = None, **labels: str) -> dict[str, Any]:
    return {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {
            "namespace": "shop",
            "name": name,
            "labels": labels,
            "ownerReferences": [owner] if owner else [],
        },
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "cart"}},
    }


@pytest.mark.parametrize(
    ("live", "changes", "alone", "number"),
    [
        (5, False, False, 5),
        (1, False, False, 1),  # one who scaled to less than the minimum by hand is not fought
        (1, True, False, 2),
        (0, True, False, 2),
        (9, True, False, 9),  # what is above the maximum is the autoscaler's to take away
        (0, False, True, 2),
        (9, False, True, 8),
    ],
)
def test_the_number_that_an_autoscaler_is_to_find(live: int, changes: bool, alone: bool, number: int) -> None:
    assert Bounds(2, 8).number(live, changes=changes, alone=alone) == number


def test_a_worker_that_slept_when_its_autoscaler_went_is_woken() -> None:
    assert Bounds(0, 8).number(0, changes=True, alone=False) == 0
    assert Bounds(0, 8).number(0, changes=False, alone=True) == 1


def test_what_keda_made_goes_with_its_scaled_object_and_not_before() -> None:
    of_keda = hpa("keda-hpa-cart", owner=SCALED_OBJECT, **OURS)
    assert leftover(of_keda, CART, UID, set())
    assert not leftover(of_keda, CART, UID, {Ref("ScaledObject", "shop", "cart")})


def test_an_orphan_goes_and_what_is_not_ours_stays() -> None:
    assert leftover(hpa(**OURS), CART, UID, set())
    assert leftover(hpa(owner=SERVICE, **OURS), CART, UID, set())
    assert not leftover(
        hpa(owner=SERVICE, **OURS), CART, UID, {Ref("HorizontalPodAutoscaler", "shop", "cart")}
    )
    assert not leftover(hpa(), CART, UID, set())
    assert not leftover(hpa("keda-hpa-cart", owner=SCALED_OBJECT), CART, UID, set())
    assert not leftover({**hpa(**OURS), "kind": "Service"}, CART, UID, set())


def test_others_are_those_that_neither_the_service_nor_its_scaled_object_made() -> None:
    other_target = hpa("d")
    other_target["spec"]["scaleTargetRef"] = {"kind": "ShopService", "name": "cart"}
    found = [
        hpa("a"),
        hpa("b", owner={**SCALED_OBJECT, "name": "theirs"}),
        hpa("c", owner=SERVICE),
        other_target,
        hpa("e", **OURS),
        hpa("keda-hpa-cart", owner=SCALED_OBJECT, **OURS),
        hpa("f", owner={**SERVICE, "uid": "uid-0"}),  # of a ShopService of this name that was deleted
    ]
    assert of_others(found, CART, UID) == {"a", "b"}
