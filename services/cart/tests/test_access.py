from pathlib import Path
from uuid import uuid4

from pydantic import HttpUrl
from shop_cart.service import CartSettings, service
from shop_chassis.testing.ownership import sweep_ownership
from shop_chassis.testing.sweep import sweep

GUESTS = {
    "POST /carts",
    "GET /carts/{cart_id}",
    "DELETE /carts/{cart_id}",
    "POST /carts/{cart_id}/lines",
    "PUT /carts/{cart_id}/lines/{product_id}",
    "DELETE /carts/{cart_id}/lines/{product_id}",
    "PUT /carts/{cart_id}/coupon",
    "DELETE /carts/{cart_id}/coupon",
}
"""A guest's cart is found by its id, which is a secret; /carts/me asks for a token in the handler."""


async def test_who_may_do_what(tmp_path: Path, unused_tcp_port: int) -> None:
    settings = CartSettings(catalog_url=HttpUrl(f"http://127.0.0.1:{unused_tcp_port}"))
    await sweep(service, settings, tmp_path, public=GUESTS)


async def test_what_is_anns_is_nobody_elses(shop) -> None:
    ann, lamp, cup = str(uuid4()), shop.catalog.sell("lamp"), shop.catalog.sell("cup")
    shop.catalog.coupons["WELCOME10"] = 100
    for product, who in ((lamp, shop.token(ann)), (cup, shop.token("ben"))):
        (await shop.add("me", product, 2, **who)).raise_for_status()
    await sweep_ownership(
        shop.cart,
        shop.token(ann),
        shop.token("ben"),
        {"carts": ann, "lines": lamp, "products": lamp},
        owner_says={"carts": "me"},
        otherwise={
            "DELETE /carts/{cart_id}": 204,  # what is not there is no error
            "POST /carts/{cart_id}:merge": 404,  # a guest's cart alone, for its user too
        },
        passing={"as_of", "expires_at"},
    )
