"""Links in messages: to the storefront, and the signed one by which somebody unsubscribes without a login."""

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import asdict, dataclass

MAC_BYTES = 16


class BadToken(ValueError):  # noqa: N818 - named for what it says
    """The token was not made here, or is cut off."""


@dataclass(frozen=True)
class Unsubscription:
    """Who does not want to hear of what any more, by mail."""

    kind: str
    subject: str | None = None
    address: str | None = None
    """Of somebody without an account."""


@dataclass(frozen=True)
class Links:
    """Where the shop's pages are, as people reach them."""

    storefront: str
    public: str
    """This service's public routes."""
    secret: str

    def page(self, path: str) -> str:
        """A page of the storefront; what is absolute already stays."""
        return path if path.startswith(("http://", "https://")) else f"{self.storefront.rstrip('/')}{path}"

    def unsubscribe(self, wish: Unsubscription) -> str | None:
        """Where a click unsubscribes; None without a secret, as anybody could make such links then."""
        if not self.secret:
            return None
        return f"{self.public.rstrip('/')}/unsubscribe/{token(wish, self.secret)}"


def token(wish: Unsubscription, secret: str) -> str:
    """It says who and what, and that it was made here (HMAC-SHA256); it is good for ever, as mails are."""
    said = json.dumps(asdict(wish), separators=(",", ":"), sort_keys=True).encode()
    return _text(_mac(said, secret) + said)


def wish_of(token: str, secret: str) -> Unsubscription:
    """What a token says. Raises BadToken."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError) as error:
        raise BadToken("expected a token as mails have it") from error
    mac, said = raw[:MAC_BYTES], raw[MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(said, secret)):
        raise BadToken("the token is not one of this shop's mails")
    return Unsubscription(**json.loads(said))


def _mac(said: bytes, secret: str) -> bytes:
    return hmac.new(secret.encode(), b"unsubscribe." + said, hashlib.sha256).digest()[:MAC_BYTES]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
