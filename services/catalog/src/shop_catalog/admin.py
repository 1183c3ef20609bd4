"""The API of administrators: everything needs the scope `catalog:admin`."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from uuid import UUID

from fastapi import APIRouter, Response
from shop_chassis.auth import require
from shop_chassis.etags import IfMatch, check_match, etag
from shop_chassis.problems import Problem, documented
from shop_contracts.catalog.api import Category, NewProduct, Price, Product, ProductChanges, Slug

from shop_catalog.api import Catalog
from shop_catalog.products import Conflict, Refused, Unknown

SCOPE = "catalog:admin"

router = APIRouter(
    prefix="/admin", tags=["admin"], dependencies=[require(SCOPE)], responses=documented(401, 403, 503)
)


@router.put("/categories/{slug}", responses={201: {"description": "It is new"}, **documented(409)})
async def put_category(products: Catalog, slug: Slug, category: Category, response: Response) -> Category:
    """Creates a category, or changes its title, place and parent."""
    if category.slug != slug:
        raise Problem(422, f"body.slug: expected {slug} as in the address, found {category.slug}")
    with _explained():
        response.status_code = 201 if await products.put_category(category) else 200
    return category


@router.post(
    "/products", status_code=201, responses={200: {"description": "It was there already"}, **documented(409)}
)
async def create_product(products: Catalog, new: NewProduct, response: Response) -> Product:
    """Creates a product. With an id of the caller's it may be repeated."""
    with _explained():
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
    with _explained():
        product = await products.change(id, changes, partial(check_match, if_match))
    response.headers["ETag"] = etag(product.version)
    return product


@router.put("/products/{id}/price", responses=documented(404, 409))
async def set_price(products: Catalog, id: UUID, price: Price, response: Response) -> Product:
    """Sets the price. The same price again changes nothing and tells nobody."""
    with _explained():
        product = await products.set_price(id, price)
    response.headers["ETag"] = etag(product.version)
    return product


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except Unknown as error:
        raise Problem(404, str(error)) from error
    except (Conflict, Refused) as error:
        raise Problem(409, str(error)) from error
