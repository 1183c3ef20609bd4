"""How the mailbox is put together."""

from typing import Any

from shop_chassis.runtime import Runtime
from shop_chassis.service import Service

from shop_mailbox import api
from shop_mailbox.post import Post
from shop_mailbox.server import MailServer
from shop_mailbox.settings import MailboxSettings


def setup(runtime: Runtime[Any]) -> None:
    """The mail server beside the API."""
    settings: MailboxSettings = runtime.settings
    post = Post()
    runtime.provide(post)
    runtime.provide(settings, MailboxSettings)
    runtime.provide(runtime.add(MailServer(post, settings.listen_address, settings.smtp_port)))


service = Service(
    "mailbox",
    title="Mails, SMS and push messages",
    routers=[api.router],
    settings=MailboxSettings,
    setup=setup,
)
