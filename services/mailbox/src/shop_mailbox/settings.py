"""What the mailbox is told by its environment."""

from pydantic import Field, SecretStr
from shop_chassis.settings import Settings


class MailboxSettings(Settings):
    """Those of the chassis, and where mails are taken."""

    smtp_port: int = Field(default=2525, ge=0, le=65535)
    """0 takes a free one."""
    webhook_secret: SecretStr = SecretStr("")
    """By which notification signs SMS and push messages; without it none are taken."""
