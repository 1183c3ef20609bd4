from pathlib import Path

from shop_chassis.testing.ownership import sweep_ownership
from shop_chassis.testing.sweep import sweep
from shop_wishlist.service import WishlistSettings, service

from .conftest import NOWHERE, Shop, on_sqlite


async def test_who_may_do_what(tmp_path: Path) -> None:
    settings = WishlistSettings(
        database_url=f"sqlite:///{tmp_path}/wishlist.db", catalog_url=NOWHERE, cart_url=NOWHERE
    )
    await sweep(service, settings, tmp_path, public={"GET /shared-wishlists/{token}"})


@on_sqlite
async def test_what_is_anns_is_nobody_elses(shop: Shop) -> None:
    ann, bob, lamp = shop.person("ann"), shop.person("bob"), str(await shop.sell("lamp"))
    for who in (bob, ann):
        made = (await who.post("/wishlists", json={"title": "a"})).raise_for_status().json()["id"]
    (await ann.put(f"/wishlists/{made}/items/{lamp}", json={})).raise_for_status()
    (await ann.put(f"/watches/{lamp}", json={})).raise_for_status()
    await sweep_ownership(
        shop.client(),
        ann.headers,
        bob.headers,
        {"wishlists": made, "items": lamp, "watches": lamp},
        # Everybody watches for themselves.
        otherwise={"PUT /watches/{product_id}": 201, "DELETE /watches/{product_id}": 204},
    )
