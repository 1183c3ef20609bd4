"""NetworkPolicies: nobody reaches a service but those who declare it, and it reaches nobody else.

Probes need no rule: what comes from a pod's own node is always let through.
"""

from typing import Any
from urllib.parse import urlsplit

from shop_operator.api import ExternalEgress, Monitoring, ShopService
from shop_operator.api.network import Egress, Ingress
from shop_operator.children import cache, database, exporter
from shop_operator.children.container import main_port
from shop_operator.children.context import Context, Manifest
from shop_operator.children.meta import COMPONENT_LABEL, NAME_LABEL, Component, manifest, selector

Peer = dict[str, Any]
Rule = dict[str, Any]

USERS = ["job", "migration", "rotation", "service"]
"""The components that run the service's image, and use database and cache."""
LINK_LOCAL = "169.254.0.0/16"
"""Where a DNS cache on the pod's own node listens: NodeLocal DNSCache, and what some clouds have."""


def build(shop: ShopService, context: Context) -> list[Manifest]:
    """One for the service and its migrations, unless it is to be open; one each for database and cache."""
    policies = []
    if shop.spec.network_policy is None or shop.spec.network_policy.enabled:
        spec = {
            "podSelector": _pods_that_use(shop.name),
            "policyTypes": ["Ingress", "Egress"],
            "ingress": _ingress(shop, context),
            "egress": _egress(shop, context),
        }
        policies.append(_policy(shop, "service", spec))
    if database.dedicated(shop):
        users = [shop.name, *sorted(context.sharers)]
        spec = _store(shop, "database", database.PORT, users, context)
        policies.append(_policy(shop, "database", spec, database.name(shop)))
    if shop.spec.cache:
        spec = _store(shop, "cache", cache.PORT, [shop.name], context)
        policies.append(_policy(shop, "cache", spec, cache.name(shop)))
    return policies


def _ingress(shop: ShopService, context: Context) -> list[Rule]:
    rules: list[Rule] = []
    ports = [_port(port.port) for port in shop.spec.ports]
    callers = [
        _peer({NAME_LABEL: caller.name, COMPONENT_LABEL: "service"}, caller.namespace)
        for caller in sorted(context.dependants)
    ]
    if ports and callers:
        rules.append({"from": callers, "ports": ports})
    if shop.spec.expose:
        rules.append({"ports": ports[:1]})
    monitoring = shop.spec.monitoring or Monitoring()
    if monitoring.enabled:
        rules.append(_scraping(monitoring.port or main_port(shop), context))
    others = shop.spec.network_policy.ingress if shop.spec.network_policy else ()
    return rules + [{"from": [_declared(one)], "ports": _ports(one) or ports} for one in others]


def _egress(shop: ShopService, context: Context) -> list[Rule]:
    rules = [_dns(context)]
    if database.dedicated(shop):
        rules.append({"to": [_peer(selector(shop, "database"))], "ports": [_port(database.PORT)]})
    elif shop.spec.database and shop.spec.database.external:
        way = shop.spec.database.external.egress or ExternalEgress()
        rule: Rule = {"to": [{"ipBlock": {"cidr": way.cidr}}]} if way.cidr else {}
        rules.append({**rule, "ports": [_port(way.port)]})
    elif shop.spec.database and shop.spec.database.shared:
        lent = {NAME_LABEL: shop.spec.database.shared.service, COMPONENT_LABEL: "database"}
        rules.append({"to": [_peer(lent)], "ports": [_port(database.PORT)]})
    if shop.spec.cache:
        rules.append({"to": [_peer(selector(shop, "cache"))], "ports": [_port(cache.PORT)]})
    if shop.spec.events is not None:
        broker: Rule = {"ports": [_port(urlsplit(context.settings.events_url).port or 4222)]}
        if context.settings.events_namespace:
            broker["to"] = [_namespace(context.settings.events_namespace)]
        elif context.settings.events_cidr:
            broker["to"] = [{"ipBlock": {"cidr": context.settings.events_cidr}}]
        rules.append(broker)
    if shop.spec.depends_on:
        # Which port of the callee's pods is the callee's to say, in its own policy.
        rules.append(
            {
                "to": [
                    _peer(
                        {NAME_LABEL: callee.name, COMPONENT_LABEL: "service"},
                        callee.namespace or shop.namespace,
                    )
                    for callee in shop.spec.depends_on
                ]
            }
        )
    others = shop.spec.network_policy.egress if shop.spec.network_policy else ()
    return rules + [{"to": [_declared(one)], "ports": _ports(one)} for one in others]


def _dns(context: Context) -> Rule:
    return {
        "to": [_namespace(context.settings.dns_namespace), {"ipBlock": {"cidr": LINK_LOCAL}}],
        "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
    }


def _declared(peer: Egress | Ingress) -> Peer:
    if peer.cidr:
        return {"ipBlock": {"cidr": peer.cidr, "except": peer.except_}}
    # No labels at all select every pod, which is what a namespace alone means.
    pods = {"podSelector": {"matchLabels": peer.pod_labels}} if peer.pod_labels else {}
    if peer.namespace is None:
        return pods or {"podSelector": {}}
    return _namespace(peer.namespace) | pods


def _ports(peer: Egress | Ingress) -> list[dict[str, Any]]:
    return [port.model_dump(by_alias=True) for port in peer.ports]


def _store(
    shop: ShopService, store: exporter.Store, port: int, users: list[str], context: Context
) -> dict[str, Any]:
    """Database or cache: only the service itself, and who shares it, gets in, and Prometheus to the exporter;
    nothing gets out."""
    peers = [{"podSelector": _pods_that_use(user)} for user in users]
    ingress: list[Rule] = [{"from": peers, "ports": [_port(port)]}]
    if scraped := exporter.port(shop, store, context):
        ingress.append(_scraping(scraped, context))
    return {
        "podSelector": {"matchLabels": selector(shop, store)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": ingress,
    }


def _scraping(port: int, context: Context) -> Rule:
    return {"from": [_namespace(context.settings.monitoring_namespace)], "ports": [_port(port)]}


def _pods_that_use(service: str) -> dict[str, Any]:
    """All pods of a service that run its image."""
    return {
        "matchLabels": {NAME_LABEL: service},
        "matchExpressions": [{"key": COMPONENT_LABEL, "operator": "In", "values": USERS}],
    }


def _policy(
    shop: ShopService, component: Component, spec: dict[str, Any], name: str | None = None
) -> Manifest:
    return manifest(shop, "networking.k8s.io/v1", "NetworkPolicy", component, name=name, spec=spec)


def _namespace(name: str) -> Peer:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def _peer(pods: dict[str, str], namespace: str | None = None) -> Peer:
    return {"podSelector": {"matchLabels": pods}, **(_namespace(namespace) if namespace else {})}


def _port(number: int) -> dict[str, Any]:
    return {"port": number, "protocol": "TCP"}
