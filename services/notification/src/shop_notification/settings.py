"""What notification is told by its environment."""

from pydantic import Field, HttpUrl, SecretStr
from shop_chassis.settings import Settings
from shop_contracts.notification.api import TimeZone


class NotificationSettings(Settings):
    """Those of the chassis, where messages go, and how much of its neighbours a worker may use."""

    worker: bool = True
    """`serve` also does what a worker does; false where workers are pods of their own (`work`)."""
    concurrency: int = Field(default=8, ge=1, le=100)
    """Events handled at a time, and messages sent at a time, per pod."""
    events_per_second: float | None = Field(default=None, gt=0)
    """At most so many, per pod; unset for no limit."""

    lease_seconds: float = Field(default=150, ge=5)
    """What a worker has taken and is not done with after that, another one takes: longer than any try."""

    smtp_url: SecretStr | None = None
    """`smtp://[user:password@]host[:port]`, with STARTTLS where the server offers it, or `smtps://…`.
    None: there are no mails."""
    sms_url: HttpUrl | None = None
    push_url: HttpUrl | None = None
    """Where SMS and push messages are posted; None: that channel is not there."""
    webhook_secret: SecretStr = SecretStr("")
    """Signs what is posted there, and what the mail provider reports. Without it neither is possible."""
    link_secret: SecretStr = SecretStr("")
    """Signs the links by which people unsubscribe; without it those of webhooks does."""

    mail_from: str = "Shop <shop@shop.example>"
    """Its domain is that of Message-IDs, too."""
    shop_name: str = "Hearth & Trail"
    storefront_url: HttpUrl = HttpUrl("http://127.0.0.1:8080")
    """Where links lead."""
    public_url: HttpUrl | None = None
    """Where the world finds this service; None: STOREFRONT_URL with /api/notification."""

    timezone: TimeZone = "Europe/Berlin"
    """Of people who have named none."""
    mails_per_day: int = Field(default=6, ge=0)
    """Price drops and promotions to one person; more wait for a daily digest."""
    user_url: HttpUrl | None = None
    """Without it only addresses that events name are known."""
