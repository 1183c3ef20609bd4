"""`python -m shop_bench.services.reference.chassis serve`: in the chassis, with a token checked."""

import sys

from fastapi import APIRouter
from shop_chassis.auth import require
from shop_chassis.command import main
from shop_chassis.runtime import StoreDep
from shop_chassis.service import Service

from shop_bench.services.reference import PATH, Items, read

router = APIRouter()


@router.get(PATH, dependencies=[require("shop")])
async def read_items(store: StoreDep, shelf: int) -> Items:
    """The items of a shelf."""
    async with store.session() as session:
        return await read(session, shelf)


service = Service("reference", routers=[router])

if __name__ == "__main__":
    sys.exit(main(service))
