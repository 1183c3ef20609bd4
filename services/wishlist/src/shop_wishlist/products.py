"""Products as catalog and warehouse told last, and what happens when they tell.

Of catalog everything is heard, each product's events one after the other (Order.STRICT): so a watcher is told
the same drops in whatever order, and however often, events are delivered.
"""

from typing import Any
from uuid import UUID

from shop_chassis.events import Event, On, Order
from shop_chassis.events.dialect import insert
from shop_contracts.catalog.api import Image
from shop_contracts.catalog.api import Product as CatalogProduct
from shop_contracts.catalog.events import PRICE_CHANGED, PRODUCT_CHANGED, PriceChanged, ProductChanged
from shop_contracts.money import Money
from shop_contracts.warehouse.events import STOCK_CHANGED, StockChanged
from shop_contracts.wishlist import api
from sqlalchemy import Table, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from shop_wishlist.errors import UnknownProduct
from shop_wishlist.notices import tell
from shop_wishlist.tables import Availability, Item, Product, Watch, metadata

_products: Table = metadata.tables["product"]
_availability: Table = metadata.tables["availability"]


def row_of(product: CatalogProduct, sequence: int) -> dict[str, Any]:
    """What is kept of a product."""
    return {
        "id": product.id,
        "slug": product.slug,
        "title": product.title,
        "image": product.images[0].model_dump() if product.images else None,
        "amount": product.price.amount,
        "currency": product.price.currency,
        "sold": product.active,
        "sequence": sequence,
    }


async def product_changed(session: AsyncSession, event: Event) -> None:
    """Takes over the whole product."""
    row = row_of(ProductChanged.model_validate(event.data).product, event.sequence)
    put = insert(session, _products).values(row)
    await session.execute(
        put.on_conflict_do_update(
            index_elements=["id"], set_=row, where=_products.c.sequence < event.sequence
        )
    )


async def price_changed(session: AsyncSession, event: Event) -> None:
    """Takes over the price, and tells those who watch it.

    From the first statement on nobody begins to watch this product until the transaction ends: a watch knows
    either the price of before, and is seen here, or this one.
    """
    change = PriceChanged.model_validate(event.data)
    newer = update(Product).where(
        col(Product.id) == change.product_id, col(Product.sequence) < event.sequence
    )
    changed = newer.values(amount=change.new.amount, currency=change.new.currency, sequence=event.sequence)
    product = (await session.execute(changed.returning(Product))).scalar_one_or_none()
    drop = change.old.currency == change.new.currency and change.new.amount < change.old.amount
    if product is not None and product.sold and drop:
        await tell(session, product, change, event.sequence)


async def stock_changed(session: AsyncSession, event: Event) -> None:
    """Takes over the number."""
    told = StockChanged.model_validate(event.data)
    row = insert(session, _availability).values(product_id=told.product_id, available=told.available)
    await session.execute(
        row.on_conflict_do_update(index_elements=["product_id"], set_={"available": told.available})
    )


FROM_CATALOG = [
    On(PRODUCT_CHANGED, product_changed, Order.STRICT),
    On(PRICE_CHANGED, price_changed, Order.STRICT),
]
FROM_WAREHOUSE = [On(STOCK_CHANGED, stock_changed, Order.LATEST)]


async def known(session: AsyncSession, id: UUID, *, lock: bool = False) -> tuple[Product, int | None]:
    """The product and what is available of it; with `lock` its price stays until the transaction ends.

    Raises UnknownProduct.
    """
    if lock:
        await session.execute(
            select(col(Product.id)).where(col(Product.id) == id).with_for_update(key_share=True)
        )
    query = select(Product, col(Availability.available)).outerjoin(Availability, _of_product())
    row = (await session.execute(query.where(col(Product.id) == id))).one_or_none()
    if row is None:
        raise UnknownProduct(id)
    return row[0], row[1]


def with_product(kind: type[Item] | type[Watch]) -> Any:
    """Rows of that table, each with its product and what is available of it."""
    query = select(kind, Product, col(Availability.available))
    return query.join(Product, col(kind.product_id) == col(Product.id)).outerjoin(Availability, _of_product())


def _of_product() -> Any:
    return col(Availability.product_id) == col(Product.id)


def wished(product: Product, available: int | None) -> api.WishedProduct:
    """A product as callers see it."""
    return api.WishedProduct(
        product_id=product.id,
        slug=product.slug,
        title=product.title,
        image=Image.model_validate(product.image) if product.image else None,
        price=Money(amount=product.amount, currency=product.currency),
        sold=product.sold,
        available=available,
    )
