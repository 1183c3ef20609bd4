"""The ShopService as types: what is written here is the CRD, the checks and the manual at once."""

from shop_operator.api.resource import (
    API_VERSION,
    GROUP,
    KIND,
    PLURAL,
    VERSION,
    InvalidSpec,
    Metadata,
    ShopService,
    parse,
)
from shop_operator.api.spec import (
    Autoscaling,
    Cache,
    Database,
    Dependency,
    Expose,
    Metric,
    Monitoring,
    Port,
    Probe,
    Probes,
    ShopServiceSpec,
)
from shop_operator.api.status import ChildStatus, Condition, ShopServiceStatus

__all__ = [
    "API_VERSION",
    "GROUP",
    "KIND",
    "PLURAL",
    "VERSION",
    "Autoscaling",
    "Cache",
    "ChildStatus",
    "Condition",
    "Database",
    "Dependency",
    "Expose",
    "InvalidSpec",
    "Metadata",
    "Metric",
    "Monitoring",
    "Port",
    "Probe",
    "Probes",
    "ShopService",
    "ShopServiceSpec",
    "ShopServiceStatus",
    "parse",
]
