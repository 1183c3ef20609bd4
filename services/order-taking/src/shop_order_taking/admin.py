"""The API of administrators: everything needs the scope `order-taking:admin`."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Response
from shop_chassis.auth import require
from shop_chassis.etags import IfMatch, check_match, etag
from shop_chassis.paging import After, Limit
from shop_chassis.problems import Problem, documented
from shop_chassis.runtime import provided
from shop_contracts.address import Country
from shop_contracts.order_taking.api import CountryTax, TaxedCountry
from shop_contracts.order_taking.api import TaxTable as TaxPage

from shop_order_taking.taxtable import Overtaken, TaxTable, Unknown

SCOPE = "order-taking:admin"

router = APIRouter(
    prefix="/admin/tax", tags=["admin"], dependencies=[require(SCOPE)], responses=documented(401, 403, 503)
)
Table = Annotated[TaxTable, provided(TaxTable)]


@router.get("")
async def list_taxes(table: Table, limit: Limit = 20, after: After = None) -> TaxPage:
    """The countries that are sold to."""
    return await table.page(limit=limit, after=after)


@router.get("/{country}", responses=documented(404))
async def read_tax(table: Table, country: Country, response: Response) -> TaxedCountry:
    """One country."""
    try:
        found = await table.get(country)
    except Unknown as error:
        raise Problem(404, str(error)) from None
    response.headers["ETag"] = etag(found.version)
    return found


@router.put("/{country}", responses={201: {"description": "It is new"}, **documented(409, 412, 428)})
async def put_tax(
    table: Table, country: Country, new: CountryTax, response: Response, if_match: IfMatch = None
) -> TaxedCountry:
    """Adds a country, or replaces its rates if they are still as the caller knows them.

    What is so already needs no `If-Match`: the same request may be repeated.
    """
    try:
        put, created = await table.put(country, new, partial(check_match, if_match))
    except Overtaken as error:
        raise Problem(409, str(error)) from None
    response.status_code = 201 if created else 200
    response.headers["ETag"] = etag(put.version)
    return put


@router.delete("/{country}", status_code=204, responses=documented(412, 428))
async def remove_tax(table: Table, country: Country, if_match: IfMatch = None) -> None:
    """Nothing is sold there any more; needs `If-Match` where something is."""
    await table.remove(country, partial(check_match, if_match))
