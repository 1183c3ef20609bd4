"""What products have to do with each other: variants of a family, accessories, similar ones, replacements."""

from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from shop_chassis.paging import cursor, key_of
from shop_chassis.store import Store
from shop_contracts.catalog import api
from sqlalchemy import delete, select

from shop_catalog.errors import Refused, Unknown
from shop_catalog.products import Products, locked, product_of, shown
from shop_catalog.tables import Family, Product, Relation
from shop_catalog.versioned import Matches, put

_by_slug: TypeAdapter[tuple[str]] = TypeAdapter(tuple[api.Slug])


class Families:
    """Families and relations of products."""

    def __init__(self, store: Store, products: Products) -> None:
        self._store = store
        self._products = products

    async def get(self, slug: str) -> api.FamilyWithVariants:
        """With the variants that are sold, in the order in which they were made. Raises Unknown."""
        query = shown(sold=True).where(Product.family == slug).order_by(Product.id)  # type: ignore[arg-type]
        async with self._store.session() as session:
            row = await session.get(Family, slug)
            if row is None:
                raise Unknown(f"there is no family {slug}")
            variants = [product_of(*each) for each in await session.execute(query)]
        return api.FamilyWithVariants(**dict(_family(row)), variants=variants)

    async def page(self, *, limit: int, after: str | None) -> api.FamilyPage:
        """By slug. Raises Problem for a foreign cursor."""
        query = select(Family).order_by(Family.slug)
        if after is not None:
            query = query.where(Family.slug > key_of(after, _by_slug)[0])  # type: ignore[arg-type]
        async with self._store.session() as session:
            rows = (await session.execute(query.limit(limit + 1))).scalars().all()
        following = cursor(rows[limit - 1].slug) if len(rows) > limit else None
        return api.FamilyPage(items=[_family(row) for row in rows[:limit]], next=following)

    async def put(self, slug: str, content: api.FamilyContent, matches: Matches) -> tuple[api.Family, bool]:
        """The family and whether it is new. Raises Refused, Conflict."""
        if len(set(content.options)) < len(content.options):
            raise Refused("options: expected each name once")
        variants = select(Product.id).where(Product.family == slug).limit(1)  # type: ignore[call-overload]
        async with self._store.transaction() as session:
            # Locked first: from here on no variant comes.
            before = await session.get(Family, slug, with_for_update=True)
            others = before is not None and set(before.options) != set(content.options)
            if others and (await session.execute(variants)).first() is not None:
                raise Refused(f"{slug} has variants: its options cannot become others")
            row, made, _ = await put(session, Family, {"slug": slug}, content.model_dump(), matches)
        return _family(row), made

    async def related(self, id: UUID) -> api.RelatedProducts:
        """Those of a product's relations that are sold. Raises Unknown."""
        kind: Any = Relation.kind
        position: Any = Relation.position
        query = (
            shown(sold=True)
            .join(Relation, Relation.other_id == Product.id)  # type: ignore[arg-type]
            .where(Relation.product_id == id)  # type: ignore[arg-type]
            .order_by(position)
            .add_columns(kind)
        )
        async with self._store.session() as session:
            if await session.get(Product, id) is None:
                raise Unknown(f"there is no product {id}")
            rows = (await session.execute(query)).all()
        return api.RelatedProducts(
            items=[
                api.RelatedProduct(kind=kind, product=product_of(row, available))
                for row, available, kind in rows
            ]
        )

    async def relate(self, id: UUID, wanted: api.Relations, matches: Matches) -> api.Product:
        """Makes these the relations of the product, which is then a new version. Raises Unknown, Refused."""
        order = [(relation.kind, relation.product_id) for relation in wanted.relations]
        if len(set(order)) < len(order):
            raise Refused("relations: expected each product once of a kind")
        others = {other for _, other in order}
        if id in others:
            raise Refused("relations: expected other products, found the product itself")
        async with self._store.transaction() as session:
            product = await locked(session, id)
            mine = select(Relation).where(Relation.product_id == id).order_by(Relation.position)  # type: ignore[arg-type]
            present = [(row.kind, row.other_id) for row in (await session.execute(mine)).scalars()]
            if present == order:
                return product_of(product)
            matches(product.version)
            there = select(Product.id).where(Product.id.in_(others))  # type: ignore[call-overload, attr-defined]
            if missing := others - set((await session.execute(there)).scalars()):
                raise Refused(f"relations: there is no product {', '.join(map(str, sorted(missing)))}")
            await session.execute(delete(Relation).where(Relation.product_id == id))  # type: ignore[arg-type]
            session.add_all(
                Relation(product_id=id, kind=kind, other_id=other, position=position)
                for position, (kind, other) in enumerate(order)
            )
            await self._products.touch(session, product)
        return product_of(product)


def _family(row: Family) -> api.Family:
    return api.Family.model_validate(row, from_attributes=True)
