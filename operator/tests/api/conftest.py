from collections.abc import Iterator

import pytest

from ..kubectl import Kube, Kubectl, kube


@pytest.fixture(scope="module")
def cluster() -> Iterator[Kube]:
    with kube() as running:
        yield running


@pytest.fixture(scope="module")
def kubectl(cluster: Kube) -> Kubectl:
    return cluster.kubectl()
