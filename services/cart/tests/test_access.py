from pathlib import Path

from pydantic import HttpUrl
from shop_cart.service import CartSettings, service
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
