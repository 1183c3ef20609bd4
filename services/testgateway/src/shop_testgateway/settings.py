"""What the test gateway is told by its environment."""

from pydantic import Field, HttpUrl, SecretStr
from shop_chassis.settings import Settings


class TestGatewaySettings(Settings):
    """Those of the chassis, the merchant's key, and where webhooks go."""

    __test__ = False  # pytest takes its name for a test's

    gateway_key: SecretStr | None = None
    """Without it every route of merchants answers 503."""
    webhook_url: HttpUrl | None = None
    """None: webhooks are recorded and wait."""
    webhook_secret: SecretStr = SecretStr("")
    public_url: HttpUrl | None = None
    """Where browsers find the pages of 3-D Secure; None: where the merchant finds this service."""
    fee_basis_points: int = Field(default=140, ge=0, le=10_000)
    """Of what is captured."""
    fault_seed: int | None = None
    """Makes the faults that have a probability the same in every run."""
