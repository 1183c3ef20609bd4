"""All children of a ShopService, in the order in which they are applied."""

from shop_operator.api import ShopService
from shop_operator.children import (
    autoscaler,
    cache,
    cronjob,
    dashboard,
    database,
    deployment,
    identity,
    ingress,
    migration,
    networkpolicy,
    pdb,
    podmonitor,
    prometheusrule,
    service,
    serviceaccount,
)
from shop_operator.children.canonical import canonical
from shop_operator.children.context import Context, Gap, Manifest

ORDER = (
    serviceaccount,
    networkpolicy,  # before any pod, so that none is ever open
    identity,
    database,
    cache,
    service,
    migration,
    deployment,
    cronjob,
    pdb,
    podmonitor,
    prometheusrule,
    dashboard,
    ingress,
    autoscaler,  # last: KEDA's webhook refuses a ScaledObject whose Deployment is not there
)
"""What others stand on comes first."""


def build(shop: ShopService, context: Context) -> list[Manifest]:
    """The children, complete and in canonical form. Pure: the same input gives the same output.

    An object that carries our ownerReference and is not in the list is to go; one without ownerReference
    (what is retained) is never removed.
    """
    return [canonical(manifest) for module in ORDER for manifest in module.build(shop, context)]


def gaps(shop: ShopService, context: Context) -> list[Gap]:
    """What the ShopService asks for and does not have. Pure, as `build`."""
    modules = (autoscaler, identity, prometheusrule, database, cache)
    return [gap for module in modules for gap in module.gaps(shop, context)]
