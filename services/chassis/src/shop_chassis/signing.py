"""Making what `auth` and `identity` check: keys, their public set (JWKS, RFC 7517), and tokens."""

import json
import time
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path
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
        **claims: str,
    ) -> str:
        """A JWT that is valid from now for so many seconds; `scope` is separated by spaces.

        `claims` are others: `sid` names a session. `iat` keeps its fraction, by which a login right after a
        revocation is told from one right before it.
        """
        now = time.time()
        standard = {"iss": issuer, "aud": audience, "sub": subject, "iat": now, "exp": now + seconds}
        return jwt.encode(
            {**claims, **standard, "scope": scope}, self._key, algorithm="ES256", headers={"kid": self.kid}
        )


class ServiceAccounts:
    """The cluster's part in service identity where there is no cluster: the files that pods are given."""

    ISSUER = "https://service-accounts.shop.invalid"

    def __init__(self, signer: Signer | None = None, *, namespace: str = "shop") -> None:
        """`signer` must not be the one of users' tokens."""
        self._signer = signer or Signer.generate()
        self.namespace = namespace

    def token(self, service: str, callee: str, *, seconds: float = 3600) -> str:
        """The token with which `service` calls `callee`."""
        subject, audience = self.subject(service), self._full(callee)
        return self._signer.token(subject, seconds=seconds, issuer=self.ISSUER, audience=audience)

    def headers(self, service: str, callee: str) -> dict[str, str]:
        """Of a request of `service` to an internal route of `callee`."""
        return {"Authorization": f"Bearer {self.token(service, callee)}"}

    def subject(self, service: str) -> str:
        """The name of a service's account, as in `sub` and callers.json."""
        name, _, namespace = self._full(service).partition(".")
        return f"system:serviceaccount:{namespace}:{name}"

    def write_callers(self, folder: Path, service: str, callers: Collection[str]) -> Path:
        """Fills the folder that `service` is given as CALLERS; returns it."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "audience").write_text(self._full(service))
        (folder / "issuer").write_text(self.ISSUER)
        (folder / "jwks.json").write_text(self._signer.jwks)
        (folder / "callers.json").write_text(json.dumps(sorted(map(self.subject, callers))))
        return folder

    def write_tokens(
        self, folder: Path, service: str, callees: Collection[str], *, seconds: float = 3600
    ) -> Path:
        """Fills the folder that `service` is given as IDENTITY_TOKENS; returns it."""
        folder.mkdir(parents=True, exist_ok=True)
        for callee in callees:
            (folder / self._full(callee)).write_text(self.token(service, callee, seconds=seconds))
        return folder

    def _full(self, service: str) -> str:
        return service if "." in service else f"{service}.{self.namespace}"
