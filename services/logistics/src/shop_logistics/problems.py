"""What rules and store raise, as answers."""

from collections.abc import AsyncIterator

from fastapi import Depends
from shop_chassis.problems import Problem

from shop_logistics.shipments import Refused, Unknown
from shop_logistics.tariffs import Conflict
from shop_logistics.tariffs import Unknown as NoTariff


async def _explained() -> AsyncIterator[None]:
    try:
        yield
    except (Unknown, NoTariff) as error:
        raise Problem(404, str(error)) from None
    except Refused as error:
        raise Problem(409, str(error), type=error.type, **error.members) from None
    except Conflict as error:
        raise Problem(409, str(error)) from None


explained = Depends(_explained)
"""For routers."""
