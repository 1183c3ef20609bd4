"""The Kopf operator that turns ShopServices into running services."""
