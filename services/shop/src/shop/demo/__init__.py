"""A demo shop from a fixed seed: plausible, and the same each time."""

from shop.demo.offers import coupons, promotions
from shop.demo.pictures import picture
from shop.demo.products import A_FEW, Look, all_made, categories, families, products, relations
from shop.demo.stock import stock, warehouses

SHOPPER = ("ann@shop.example", "correct horse battery")
"""E-mail and password of somebody who has an account."""

__all__ = [
    "A_FEW",
    "SHOPPER",
    "Look",
    "all_made",
    "categories",
    "coupons",
    "families",
    "picture",
    "products",
    "promotions",
    "relations",
    "stock",
    "warehouses",
]
