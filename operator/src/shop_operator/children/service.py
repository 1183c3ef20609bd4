"""The Service in front of the pods, and with `expose` the way in from outside."""

from typing import Any

from shop_operator.api import ShopService
from shop_operator.children.context import Context, Manifest
from shop_operator.children.meta import manifest, selector


def build(shop: ShopService, context: Context) -> list[Manifest]:
    """A worker has none."""
    if not shop.spec.ports:
        return []
    expose = shop.spec.expose
    on_nodes = expose is not None and expose.type == "NodePort"
    ports: list[dict[str, Any]] = [
        {"name": port.name, "port": port.service_port, "targetPort": port.port, "protocol": "TCP"}
        for port in shop.spec.ports
    ]
    if expose is not None and expose.node_port:
        ports[0]["nodePort"] = expose.node_port
    spec = {
        "type": "NodePort" if on_nodes else "ClusterIP",
        "selector": selector(shop, "service"),
        "ports": ports,
    }
    return [manifest(shop, "v1", "Service", "service", spec=spec)]
