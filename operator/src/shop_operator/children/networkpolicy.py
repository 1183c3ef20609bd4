"""NetworkPolicies: nobody reaches a service but those who declare it, and it reaches nobody else.

Probes need no rule: what comes from a pod's own node is always let through.
"""

from typing import Any
from urllib.parse import urlsplit

from shop_operator.api import Monitoring, ShopService
from shop_operator.children import cache, database
from shop_operator.children.container import main_port
from shop_operator.children.context import Context, Manifest
from shop_operator.children.meta import COMPONENT_LABEL, NAME_LABEL, Component, manifest, selector

Peer = dict[str, Any]
Rule = dict[str, Any]

DNS: Rule = {
    "to": [{"namespaceSelector": {}}],
    "ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}],
}


def build(shop: ShopService, context: Context) -> list[Manifest]:
    """One for the service and its migrations, one each for database and cache."""
    policies = [
        _policy(
            shop,
            "service",
            {
                "podSelector": {
                    "matchLabels": {NAME_LABEL: shop.name},
                    "matchExpressions": [
                        {"key": COMPONENT_LABEL, "operator": "In", "values": ["migration", "service"]}
                    ],
                },
                "policyTypes": ["Ingress", "Egress"],
                "ingress": _ingress(shop, context),
                "egress": _egress(shop, context),
            },
        )
    ]
    if shop.spec.database:
        policies.append(
            _store(shop, "database", database.name(shop), database.PORT, ["migration", "service"])
        )
    if shop.spec.cache:
        policies.append(_store(shop, "cache", cache.name(shop), cache.PORT, ["migration", "service"]))
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
        scraped = monitoring.port or main_port(shop)
        rules.append({"from": [_namespace(context.settings.monitoring_namespace)], "ports": [_port(scraped)]})
    return rules


def _egress(shop: ShopService, context: Context) -> list[Rule]:
    rules = [DNS]
    if shop.spec.database:
        rules.append({"to": [_peer(selector(shop, "database"))], "ports": [_port(database.PORT)]})
    if shop.spec.cache:
        rules.append({"to": [_peer(selector(shop, "cache"))], "ports": [_port(cache.PORT)]})
    if shop.spec.events is not None:
        broker: Rule = {"ports": [_port(urlsplit(context.settings.events_url).port or 4222)]}
        if context.settings.events_namespace:
            broker["to"] = [_namespace(context.settings.events_namespace)]
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
    return rules


def _store(shop: ShopService, component: Component, name: str, port: int, users: list[str]) -> Manifest:
    """Database or cache: only the service itself gets in, nothing gets out."""
    user = {
        "podSelector": {
            "matchLabels": {NAME_LABEL: shop.name},
            "matchExpressions": [{"key": COMPONENT_LABEL, "operator": "In", "values": users}],
        }
    }
    spec = {
        "podSelector": {"matchLabels": selector(shop, component)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [user], "ports": [_port(port)]}],
    }
    return _policy(shop, component, spec, name)


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
