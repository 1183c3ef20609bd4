"""The command `shop-operator`."""
