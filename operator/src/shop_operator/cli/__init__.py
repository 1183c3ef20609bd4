"""The command `shop-operator`."""

from shop_operator.cli.main import main

__all__ = ["main"]
