"""The public API: what anybody may ask."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from shop_chassis.runtime import provided
from shop_contracts.warehouse.api import BATCH_MAX, AvailabilityList

from shop_warehouse.inventory import Inventory

router = APIRouter(tags=["availability"])
InventoryDep = Annotated[Inventory, provided(Inventory)]
Ids = Annotated[
    list[UUID],
    Query(
        min_length=1,
        max_length=BATCH_MAX,
        description="Of products; repeated for several",
        examples=[["018f6d2e-6f00-7cc0-8000-1f6a2d0c0001"]],
    ),
]


@router.get("/availability")
async def read_availability(inventory: InventoryDep, id: Ids) -> AvailabilityList:
    """How much of each product can be ordered now; 0 of one that no warehouse knows."""
    return await inventory.availability(id)
