"""The API of administrators: everything needs the scope `catalog:admin`."""

from asyncio import to_thread
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from shop_chassis.auth import require
from shop_chassis.etags import IfMatch, etag
from shop_chassis.problems import Problem, documented
from shop_chassis.runtime import provided
from shop_contracts.catalog.api import (
    Category,
    Family,
    FamilyContent,
    ImageSize,
    ImportReport,
    Media,
    NewProduct,
    PlannedPrice,
    PlannedPrices,
    Price,
    PricePlan,
    Product,
    ProductChanges,
    Relations,
    Slug,
)

from shop_catalog import imports, media, pictures
from shop_catalog.api import Catalog, Pictures, Related
from shop_catalog.errors import explained
from shop_catalog.plans import Plans
from shop_catalog.versioned import expecting

SCOPE = "catalog:admin"

router = APIRouter(
    prefix="/admin", tags=["admin"], dependencies=[require(SCOPE)], responses=documented(401, 403, 503)
)
Planned = Annotated[Plans, provided(Plans)]
IS_NEW: dict[int | str, dict[str, Any]] = {201: {"description": "It is new"}}


@router.put("/categories/{slug}", responses=IS_NEW | documented(409))
async def put_category(products: Catalog, slug: Slug, category: Category, response: Response) -> Category:
    """Creates a category, or changes its title, place and parent."""
    if category.slug != slug:
        raise Problem(422, f"body.slug: expected {slug} as in the address, found {category.slug}")
    with explained():
        response.status_code = 201 if await products.put_category(category) else 200
    return category


@router.post(
    "/products", status_code=201, responses={200: {"description": "It was there already"}, **documented(409)}
)
async def create_product(products: Catalog, new: NewProduct, response: Response) -> Product:
    """Creates a product. With an id of the caller's it may be repeated."""
    with explained():
        product, created = await products.create(new)
    response.status_code = 201 if created else 200
    response.headers["Location"] = f"/products/{product.id}"
    response.headers["ETag"] = etag(product.version)
    return product


@router.patch("/products/{id}", responses=documented(404, 409, 412, 428))
async def change_product(
    products: Catalog, id: UUID, changes: ProductChanges, response: Response, if_match: IfMatch = None
) -> Product:
    """Changes what is given, if the product is still as the caller knows it."""
    with explained():
        product = await products.change(id, changes, expecting(if_match))
    response.headers["ETag"] = etag(product.version)
    return product


@router.put("/products/{id}/price", responses=documented(404, 409))
async def set_price(products: Catalog, id: UUID, price: Price, response: Response) -> Product:
    """Sets the price. The same price again changes nothing and tells nobody."""
    with explained():
        product = await products.set_price(id, price)
    response.headers["ETag"] = etag(product.version)
    return product


@router.put("/families/{slug}", responses=IS_NEW | documented(409, 412, 428))
async def put_family(
    families: Related, slug: Slug, content: FamilyContent, response: Response, if_match: IfMatch = None
) -> Family:
    """Creates a family, or changes it if it is still as the caller knows it."""
    with explained():
        family, made = await families.put(slug, content, expecting(if_match))
    response.status_code = 201 if made else 200
    response.headers["ETag"] = etag(family.version)
    return family


@router.put("/products/{id}/relations", responses=documented(404, 409, 412, 428))
async def put_relations(
    families: Related, id: UUID, relations: Relations, response: Response, if_match: IfMatch = None
) -> Product:
    """Replaces all relations of a product, which becomes a new version of it."""
    with explained():
        product = await families.relate(id, relations, expecting(if_match))
    response.headers["ETag"] = etag(product.version)
    return product


@router.get("/products/{id}/planned-prices", responses=documented(404))
async def list_planned_prices(plans: Planned, id: UUID) -> PlannedPrices:
    """Prices still to come, earliest first."""
    with explained():
        return await plans.of(id)


@router.put("/products/{id}/planned-prices/{plan_id}", responses=IS_NEW | documented(404, 409))
async def plan_price(
    plans: Planned, id: UUID, plan_id: UUID, plan: PricePlan, response: Response
) -> PlannedPrice:
    """Plans a price. The id is the caller's, so it may be repeated; a plan is removed, not changed."""
    with explained():
        planned, made = await plans.put(id, plan_id, plan)
    response.status_code = 201 if made else 200
    return planned


@router.delete("/products/{id}/planned-prices/{plan_id}", status_code=204, responses=documented(409))
async def remove_planned_price(plans: Planned, id: UUID, plan_id: UUID) -> None:
    """Removes a plan whose time has not come; one that is not there is no error."""
    with explained():
        await plans.remove(id, plan_id)


@router.post(
    "/products:import",
    responses=documented(413),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-ndjson": {"schema": {"type": "string"}, "example": imports.NDJSON_EXAMPLE},
                "text/csv": {"schema": {"type": "string"}, "example": imports.CSV_EXAMPLE},
            },
        }
    },
)
async def import_products(products: Catalog, request: Request) -> ImportReport:
    """Makes products as the lines say, by sku; may be repeated. A bad line is reported and stops no other."""
    media_type, _, _ = request.headers.get("Content-Type", "").partition(";")
    document = await _document(request, imports.MAX_BYTES)
    try:
        return await imports.run(products, imports.parse(document, media_type.strip().lower()))
    except imports.NotReadable as error:
        raise Problem(422, str(error)) from error


@router.post(
    "/media",
    status_code=201,
    responses=documented(413, 415),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {each: {"schema": {"type": "string", "format": "binary"}} for each in media.TYPES},
        }
    },
)
async def upload(kept: Pictures, request: Request) -> Media:
    """Keeps a picture in several sizes, for the `images` of products. The same one again is the same."""
    media_type, _, _ = request.headers.get("Content-Type", "").partition(";")
    if media_type not in media.TYPES:
        raise Problem(415, f"Content-Type: expected one of {', '.join(media.TYPES)}, found {media_type!r}")
    content = await _document(request, media.MAX_BYTES)
    if not content:
        raise Problem(422, "body: expected a picture, found nothing")
    try:
        made = await to_thread(pictures.sizes, content, media_type)
    except pictures.NotAPicture as error:
        raise Problem(422, f"body: {error}") from error
    sizes = []
    for width, copy in made.items():
        name = media.name_of(copy, pictures.MADE)
        with explained():
            await kept.put(name, copy)
        sizes.append(ImageSize(width=width, url=f"/media/{name}"))
    return Media(url=sizes[-1].url, sizes=tuple(sizes))


async def _document(request: Request, most: int) -> bytes:
    document = bytearray()
    async for part in request.stream():
        document += part
        if len(document) > most:
            raise Problem(413, f"expected at most {most} bytes")
    return bytes(document)
