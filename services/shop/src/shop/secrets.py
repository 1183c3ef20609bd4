"""What a shop in a cluster has to keep secret: Secrets that are created once, before the chart."""

import json
from collections.abc import Callable, Sequence
from secrets import token_urlsafe

from shop_chassis.signing import Signer

from shop.keys import PRIVATE, PUBLIC

ADMIN = "admin@shop.example"
"""Who may do everything at first; `user` makes the account when it starts."""


def _auth() -> dict[str, str]:
    signer = Signer.generate()
    return {PRIVATE: signer.pem, PUBLIC: signer.jwks}


def _gateway() -> dict[str, str]:
    return {"gateway-key": token_urlsafe(24), "webhook-secret": token_urlsafe(24)}


def _admin() -> dict[str, str]:
    return {"email": ADMIN, "password": token_urlsafe(12)}


def _messages() -> dict[str, str]:
    return {"webhook-secret": token_urlsafe(24), "link-secret": token_urlsafe(24)}


SECRETS: dict[str, Callable[[], dict[str, str]]] = {
    "shop-auth": _auth,  # signs and verifies users' tokens
    "shop-gateway": _gateway,  # between payment and the test gateway
    "shop-messages": _messages,  # signs SMS, push and reports of mails, and links in mails
    "shop-admin": _admin,  # how the first administrator signs in
}


def manifests(names: Sequence[str], namespace: str) -> str:
    """These of SECRETS, new, as a List for `kubectl create -f -`; JSON is YAML too."""
    items = [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": {"app.kubernetes.io/part-of": "shop"},
            },
            "stringData": SECRETS[name](),
        }
        for name in names
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=2)
