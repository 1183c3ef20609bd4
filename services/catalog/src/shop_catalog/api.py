"""The public API: what anybody may ask."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from shop_chassis.etags import IfNoneMatch, etag, unchanged
from shop_chassis.paging import After, Limit
from shop_chassis.problems import Problem, documented
from shop_chassis.runtime import provided
from shop_contracts.catalog.api import (
    CategoryList,
    FamilyPage,
    FamilyWithVariants,
    PriceHistory,
    Product,
    ProductBatch,
    ProductBatchRequest,
    ProductPage,
    RelatedProducts,
    Slug,
    Sort,
)

from shop_catalog.errors import explained
from shop_catalog.families import Families
from shop_catalog.media import CACHED, TYPES, MediaStore, type_of
from shop_catalog.products import Products

router = APIRouter(tags=["products"])
Catalog = Annotated[Products, provided(Products)]
Related = Annotated[Families, provided(Families)]
Pictures = Annotated[MediaStore, provided(MediaStore)]


@router.get("/products", response_model=ProductPage)
async def list_products(
    products: Catalog,
    category: Annotated[Slug | None, Query(description="With the categories below it")] = None,
    sort: Sort = "newest",
    limit: Limit = 20,
    after: After = None,
) -> Response:
    """Products that are sold, a page at a time."""
    page = await products.page(category=category, sort=sort, limit=limit, after=after)
    return Response(page.model_dump_json(), media_type="application/json")


@router.get(
    "/products/{which}",
    response_model=Product,
    responses={304: {"description": "The caller's version is the present one"}, **documented(404)},
)
async def read_product(
    products: Catalog,
    which: Annotated[UUID | Slug, Path(description="Id or slug", union_mode="left_to_right")],
    if_none_match: IfNoneMatch = None,
) -> Response:
    """One product by id or slug, also when it is not sold any more."""
    with explained():
        product = await products.get(which)
    # What is available changes without a new version; a change based on this tag looks at the version alone.
    state = product.version if product.available is None else f"{product.version}-{product.available}"
    headers = {"ETag": etag(state), "Cache-Control": "no-cache"}
    if unchanged(if_none_match, state):
        return Response(status_code=304, headers=headers)
    return Response(product.model_dump_json(), media_type="application/json", headers=headers)


@router.post("/products:batch")
async def read_products(products: Catalog, wanted: ProductBatchRequest) -> ProductBatch:
    """Several products by id; changes nothing, so it may be repeated."""
    return await products.batch(wanted.ids)


@router.get("/products/{id}/prices", responses=documented(404))
async def list_prices(products: Catalog, id: UUID, limit: Limit = 20, after: After = None) -> PriceHistory:
    """The prices that a product had, newest first."""
    with explained():
        return await products.prices(id, limit=limit, after=after)


@router.get("/products/{id}/relations", responses=documented(404))
async def list_related(families: Related, id: UUID) -> RelatedProducts:
    """Accessories, similar products and replacements that are sold."""
    with explained():
        return await families.related(id)


@router.get("/families", tags=["families"])
async def list_families(families: Related, limit: Limit = 20, after: After = None) -> FamilyPage:
    """Products that come in several variants, a page at a time."""
    return await families.page(limit=limit, after=after)


@router.get("/families/{slug}", tags=["families"], responses=documented(404))
async def read_family(families: Related, slug: Slug, response: Response) -> FamilyWithVariants:
    """A family with its variants that are sold. The `ETag` is of the family alone."""
    with explained():
        family = await families.get(slug)
    response.headers.update({"ETag": etag(family.version), "Cache-Control": "no-cache"})
    return family


@router.get("/categories")
async def list_categories(products: Catalog) -> CategoryList:
    """The tree of categories."""
    return await products.categories()


@router.get(
    "/media/{name}",
    tags=["media"],
    response_class=Response,
    responses={
        200: {
            "description": "The picture",
            "content": {each: {"schema": {"type": "string", "format": "binary"}} for each in TYPES},
        },
        **documented(404, 503),
    },
)
async def read_media(
    pictures: Pictures, name: Annotated[str, Path(pattern=r"^[0-9a-f]{32}\.[a-z]{3,4}$")]
) -> Response:
    """A picture that an administrator uploaded. It never changes."""
    media_type = type_of(name)
    with explained():
        content = await pictures.get(name) if media_type else None
    if content is None:
        raise Problem(404, f"there is no picture {name}")
    headers = {
        "Cache-Control": CACHED,
        "X-Content-Type-Options": "nosniff",  # what was uploaded is a picture and nothing else
    }
    return Response(content, media_type=media_type, headers=headers)
