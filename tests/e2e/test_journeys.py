"""The journeys of tests/journeys, the very same functions: some of them, or with SHOP_TEST_LONG=1 all."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest
from shop_journeys.shop import Shop

from ..journeys.tests import (
    test_buying,
    test_messages,
    test_operating,
    test_privacy,
    test_recommending,
    test_undoing,
    test_wishing,
)

pytestmark = pytest.mark.needs("broker", "catalog", "keda")

LONG = bool(os.environ.get("SHOP_TEST_LONG"))
WHOLE = "test_from_registration_to_refund"
OTHERS = 5
"""How many `make test` takes beside the whole one; which, changes with the commit."""


def taken_here() -> dict[str, Callable[..., None]]:
    """The journeys of this run by name; that of a power cut is about `shop local` alone."""
    modules = (
        test_buying, test_undoing, test_operating, test_privacy,
        test_messages, test_wishing, test_recommending,
    )  # fmt: skip
    journeys = {
        name: journey
        for module in modules
        for name, journey in vars(module).items()
        if name.startswith("test_")
    }
    if LONG:
        return journeys
    others = random.Random(os.environ["SHOP_TEST_SEED"]).sample(sorted(journeys.keys() - {WHOLE}), OTHERS)
    return {name: journeys[name] for name in (WHOLE, *others)}


globals().update(taken_here())


@pytest.fixture
def shop(people: Shop) -> Shop:
    """As the journeys know it, in place of this folder's own."""
    return people
