"""What payment is told by its environment."""

from pydantic import Field, HttpUrl, SecretStr
from shop_chassis.settings import Settings

NO_SECRET = SecretStr("")


class PaymentSettings(Settings):
    """Those of the chassis, and the gateways: each is there when what it needs is set."""

    gateway: str = "test"
    """Used where a caller names none."""
    gateway_timeout: float = Field(default=5.0, gt=0)
    """Seconds that a gateway has for an answer; afterwards it is not known."""
    resolve_seconds: float = Field(default=5.0, gt=0)
    """Between two looks for what a gateway has not answered."""
    return_url: HttpUrl | None = None
    """Where a gateway sends the shopper after 3-D Secure."""

    testgateway_url: HttpUrl | None = None
    gateway_key: SecretStr = NO_SECRET
    webhook_secret: SecretStr = NO_SECRET

    stripe_key: SecretStr | None = None
    stripe_webhook_secret: SecretStr = NO_SECRET
    stripe_url: HttpUrl | None = None
    """None: Stripe's own."""
