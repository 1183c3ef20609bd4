"""Which services there are, and whom each of them calls: the one list of `shop local`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from shop_chassis.service import Service


class Surroundings(Protocol):
    """What a service's own settings may need to know."""

    folder: Path
    """Where files may be kept."""
    private_key: Path
    """Of the tokens of users."""
    first_admin: Path
    """Folder with `email` and `password`."""
    gateway_key: str
    webhook_secret: str
    """Between payment and the test gateway."""
    message_secret: str
    """Between notification and the mailbox."""
    smtp_port: int
    """Where the mailbox takes mails."""

    def url(self, name: str) -> str:
        """Where a service answers."""


def _none(_around: Surroundings) -> dict[str, Any]:
    return {}


def _storefront(around: Surroundings) -> dict[str, Any]:
    return {
        "public_url": around.url("storefront"),
        "payment_origins": [around.url("testgateway")],
    }


def _user(around: Surroundings) -> dict[str, Any]:
    return {
        "auth_private_key": around.private_key,
        "first_admin": around.first_admin,
        "trusted_proxies": 1,  # the storefront says from where somebody signs in
    }


def _payment(around: Surroundings) -> dict[str, Any]:
    return {
        "gateway_key": around.gateway_key,
        "webhook_secret": around.webhook_secret,
        "resolve_seconds": 1.0,
        "return_url": f"{around.url('storefront')}/checkout/return",
    }


def _order_processing(_around: Surroundings) -> dict[str, Any]:
    return {"pack_seconds": 8.0}


def _logistics(_around: Surroundings) -> dict[str, Any]:
    return {"seconds_per_hop": 5.0}


def _catalog(around: Surroundings) -> dict[str, Any]:
    return {"media_folder": around.folder / "media"}


def _testgateway(around: Surroundings) -> dict[str, Any]:
    return {
        "gateway_key": around.gateway_key,
        "webhook_secret": around.webhook_secret,
        "webhook_url": f"{around.url('payment')}/webhooks/test",
        "public_url": around.url("testgateway"),
    }


def _recommendation(_around: Surroundings) -> dict[str, Any]:
    return {"train_seconds": 120.0}


def _notification(around: Surroundings) -> dict[str, Any]:
    return {
        "smtp_url": f"smtp://127.0.0.1:{around.smtp_port}",
        "sms_url": f"{around.url('mailbox')}/sms",
        "push_url": f"{around.url('mailbox')}/push",
        "webhook_secret": around.message_secret,
        "storefront_url": around.url("storefront"),
        "public_url": around.url("notification"),
        "trusted_proxies": 1,  # the storefront says from where somebody ends mails
    }


def _mailbox(around: Surroundings) -> dict[str, Any]:
    return {"smtp_port": around.smtp_port, "webhook_secret": around.message_secret}


@dataclass(frozen=True)
class Member:
    """A service that takes part.

    `callees` are given to it as `<callee>_url`, and let it in at their internal routes; the same as
    `dependsOn` of its ShopService. `settings` are others that it needs.
    """

    name: str
    callees: tuple[str, ...] = ()
    settings: Callable[[Surroundings], dict[str, Any]] = field(default=_none)

    @property
    def package(self) -> str:
        """What is imported."""
        return f"shop_{self.name.replace('-', '_')}"

    def load(self) -> Service:
        """The service as it declares itself. Raises ImportError, AttributeError."""
        service: Service = import_module(f"{self.package}.service").service
        return service


MEMBERS = (
    Member(
        "storefront",
        callees=(
            "user",
            "catalog",
            "search",
            "cart",
            "wishlist",
            "recommendation",
            "notification",
            "order-taking",
            "order-processing",
            "payment",
            "logistics",
            "warehouse",
        ),
        settings=_storefront,
    ),
    Member(
        "user",
        callees=(
            "catalog",
            "cart",
            "order-taking",
            "order-processing",
            "payment",
            "logistics",
            "wishlist",
            "recommendation",
            "notification",
        ),
        settings=_user,
    ),
    Member("catalog", settings=_catalog),
    Member("cart", callees=("catalog",)),
    Member("order-taking", callees=("cart", "catalog", "warehouse", "logistics")),
    Member(
        "order-processing",
        callees=("warehouse", "payment", "logistics", "catalog"),
        settings=_order_processing,
    ),
    Member("warehouse"),
    Member("payment", callees=("testgateway",), settings=_payment),
    Member("testgateway", callees=("payment",), settings=_testgateway),
    Member("logistics", settings=_logistics),
    Member("wishlist", callees=("catalog", "cart")),
    Member("search", callees=("catalog", "warehouse")),
    Member("recommendation", callees=("catalog",), settings=_recommendation),
    Member("notification", callees=("user",), settings=_notification),
    Member("mailbox", settings=_mailbox),
)
"""In the order of their ports."""
