"""From a ShopService to its children."""

import pytest

pytestmark = pytest.mark.apiserver


async def test_starts_and_stops(cluster, operator) -> None:
    await cluster.apply("cart")
    await operator.start()
    await cluster.until_reconciled("cart")
    assert operator.stop() < 1.0
