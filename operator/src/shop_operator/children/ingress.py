"""The Ingress of `expose: {type: Ingress}`."""

from shop_operator.api import ShopService
from shop_operator.children.context import Context, Manifest
from shop_operator.children.meta import manifest


def build(shop: ShopService, context: Context) -> list[Manifest]:
    """What is at or below the path leads to the first port."""
    expose = shop.spec.expose
    if expose is None or expose.type != "Ingress":
        return []
    backend = {"service": {"name": shop.name, "port": {"number": shop.spec.ports[0].service_port}}}
    spec = {
        "ingressClassName": expose.ingress_class_name,
        "rules": [
            {
                "host": expose.host,
                "http": {"paths": [{"path": expose.path or "/", "pathType": "Prefix", "backend": backend}]},
            }
        ],
        "tls": [{"hosts": [expose.host], "secretName": expose.tls.secret_name}] if expose.tls else [],
    }
    return [
        manifest(
            shop, "networking.k8s.io/v1", "Ingress", "service", annotations=expose.annotations, spec=spec
        )
    ]
