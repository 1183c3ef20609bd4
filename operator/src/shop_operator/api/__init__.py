"""The ShopService as types: what is written here is the CRD, the checks and the manual at once."""

from shop_operator.api.container import Port, Probe, Probes, Resources
from shop_operator.api.jobs import ScheduledJob
from shop_operator.api.network import DisruptionBudget, NetworkPolicy
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
from shop_operator.api.scaling import Autoscaling, Metric
from shop_operator.api.slo import Latency, Monitoring, Slo
from shop_operator.api.spec import Dependency, Expose, ShopServiceSpec
from shop_operator.api.status import ChildStatus, Condition, ShopServiceStatus
from shop_operator.api.stores import Cache, Credentials, Database, External, ExternalEgress, Shared

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
    "Credentials",
    "Database",
    "Dependency",
    "DisruptionBudget",
    "Expose",
    "External",
    "ExternalEgress",
    "InvalidSpec",
    "Latency",
    "Metadata",
    "Metric",
    "Monitoring",
    "NetworkPolicy",
    "Port",
    "Probe",
    "Probes",
    "Resources",
    "ScheduledJob",
    "Shared",
    "ShopService",
    "ShopServiceSpec",
    "ShopServiceStatus",
    "Slo",
    "parse",
]
