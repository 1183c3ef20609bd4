"""Credentials in the Service Binding form, kept where they exist and generated where they do not."""

from base64 import b64encode

from shop_operator.api import ShopService
from shop_operator.children.context import Context, Manifest
from shop_operator.children.meta import Component, manifest


def password(context: Context, secret: str) -> str:
    """The password that the Secret has: a person may have changed it; a new one where there is none."""
    return context.secrets.get(secret, {}).get("password") or context.generate()


def binding(
    shop: ShopService, component: Component, name: str, *, owned: bool, data: dict[str, str]
) -> Manifest:
    """The Secret of a binding."""
    return manifest(
        shop,
        "v1",
        "Secret",
        component,
        name=name,
        owned=owned,
        type=f"servicebinding.io/{data['type']}",
        data={key: b64encode(value.encode()).decode() for key, value in data.items()},
    )
