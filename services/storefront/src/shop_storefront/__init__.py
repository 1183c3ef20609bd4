"""The web shop: pages, and the public API."""
