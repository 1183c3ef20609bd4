"""Making what `auth` checks: keys, their public set (JWKS, RFC 7517), and tokens."""

import json
import time
from hashlib import sha256
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.utils import base64url_encode


class NotAKey(ValueError):  # noqa: N818 - named for what it says
    """The text is not a private key that tokens can be signed with."""


class Signer:
    """One EC P-256 key; its id is its thumbprint (RFC 7638)."""

    def __init__(self, pem: str) -> None:
        """`pem`: PKCS 8, not encrypted. Raises NotAKey."""
        try:
            key = load_pem_private_key(pem.encode(), password=None)
        except (ValueError, TypeError) as error:
            raise NotAKey("expected an unencrypted private key in PEM form") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise NotAKey(f"expected an EC key on P-256, found {type(key).__name__}")
        self._key = key
        public: dict[str, Any] = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
        members = {name: public[name] for name in ("crv", "kty", "x", "y")}
        digest = sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest()
        self.kid = base64url_encode(digest).decode()
        self._public = members | {"kid": self.kid, "alg": "ES256", "use": "sig"}

    @classmethod
    def generate(cls) -> "Signer":
        """A new key."""
        key = ec.generate_private_key(ec.SECP256R1())
        return cls(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())

    @property
    def pem(self) -> str:
        """The private key; whoever has it is whoever they want to be."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    @property
    def jwks(self) -> str:
        """The public key, as services read it."""
        return json.dumps({"keys": [self._public]})

    def token(
        self,
        subject: str,
        scope: str = "",
        *,
        seconds: float = 3600,
        issuer: str = "shop",
        audience: str = "shop",
    ) -> str:
        """A JWT that is valid from now for so many seconds; `scope` is separated by spaces."""
        now = int(time.time())
        claims = {"iss": issuer, "aud": audience, "sub": subject, "iat": now, "exp": int(now + seconds)}
        return jwt.encode(claims | {"scope": scope}, self._key, algorithm="ES256", headers={"kid": self.kid})
