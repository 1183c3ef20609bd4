"""The Secret `shop-auth`: the key that signs tokens for people and tests, and what verifies them."""

from __future__ import annotations

import base64
import hashlib
import json
import time

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import ECAlgorithm

from shop_platform.kubectl import Kubectl
from shop_platform.process import Failure

SECRET = "shop-auth"


def new_keys() -> dict[str, str]:
    """A new key as `private.pem`, and `jwks.json` with its public part (RFC 7517)."""
    key = generate_private_key(SECP256R1())
    public = json.loads(ECAlgorithm.to_jwk(key.public_key()))
    # The thumbprint of RFC 7638 names the key.
    members = json.dumps({name: public[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(members.encode()).digest()).rstrip(b"=").decode()
    jwks = {"keys": [{**public, "kid": thumbprint, "alg": "ES256", "use": "sig"}]}
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {"private.pem": pem, "jwks.json": json.dumps(jwks)}


def ensure(kubectl: Kubectl, namespace: str) -> None:
    """Makes the Secret unless it is there: tokens that were given out stay valid. Raises Failure."""
    if kubectl.get("secret", SECRET, "-n", namespace):
        return
    metadata = {"name": SECRET, "namespace": namespace, "labels": {"app.kubernetes.io/part-of": "shop"}}
    kubectl.apply(
        json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": new_keys()})
    )


def token(
    private_pem: str, jwks: str, scopes: str, subject: str = "operator-of-the-shop", seconds: int = 3600
) -> str:
    """A token of the shop's own issuer for a person or a test; `scopes` are separated by spaces."""
    now = int(time.time())
    claims = {"iss": "shop", "aud": "shop", "sub": subject, "scope": scopes, "iat": now, "exp": now + seconds}
    return jwt.encode(
        claims, private_pem, algorithm="ES256", headers={"kid": json.loads(jwks)["keys"][0]["kid"]}
    )


def read(kubectl: Kubectl, namespace: str) -> dict[str, str]:
    """The Secret's content; raises Failure when it is not there."""
    data = kubectl.get("secret", SECRET, "-n", namespace).get("data")
    if not data:
        raise Failure(f"there is no Secret {SECRET} in the namespace {namespace}: run `make up`")
    return {name: base64.b64decode(value).decode() for name, value in data.items()}
