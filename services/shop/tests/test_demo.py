"""The demo catalogue and its drawings."""

from io import BytesIO

from PIL import Image
from shop import demo
from shop.demo.pictures import SIZE, svg


def test_demo_products_are_the_same_each_time_and_differ_from_each_other() -> None:
    products = demo.products()
    demo.all_made.cache_clear()
    assert products == demo.products()
    assert len(products) >= 500
    for name in ("id", "sku", "slug", "title"):
        assert len({getattr(product, name) for product in products}) == len(products)
    assert all(product.id and product.id.version == 7 for product in products)
    slugs = [category.slug for category in demo.categories()]
    assert len({product.category for product in products}) >= 20
    assert {product.category for product in products} <= set(slugs) - {
        its.parent for its in demo.categories()
    }
    for category in demo.categories():
        assert category.parent is None or slugs.index(category.parent) < slugs.index(category.slug)


def test_every_look_is_another_drawing() -> None:
    looks = {made.look for made in demo.all_made()}
    assert len({svg(look) for look in looks}) == len(looks)
    for look in sorted(looks, key=str)[::40]:
        picture = Image.open(BytesIO(demo.picture(look)))
        assert picture.size == (SIZE, SIZE)
        assert len(picture.getcolors(2**20) or []) > 50, f"nothing is drawn of {look.title}"
