"""Why something cannot be done, and what callers are told of it."""

from collections.abc import AsyncIterator

from shop_chassis.problems import Problem


class Unknown(Exception):  # noqa: N818 - the name says what happened
    """There is no such thing, or it is somebody else's."""


class UnknownProduct(Unknown):
    """Catalog has not told of this product."""


class NotOnList(Unknown):
    """The product is not on the list; it may have been taken off a moment ago."""


class NotSold(Exception):  # noqa: N818
    """Catalog does not sell the product any more."""


class OtherCurrency(Exception):  # noqa: N818
    """An amount in another currency than the product's price."""


class TooMany(Exception):  # noqa: N818
    """A limit is reached; the message says which."""


async def explained() -> AsyncIterator[None]:
    """A dependency: turns them into answers."""
    try:
        yield
    except UnknownProduct as error:
        raise Problem(404, f"there is no product {error}", type="unknown-product") from None
    except NotOnList as error:
        raise Problem(404, f"{error} is not on this list (any more)", type="not-on-list") from None
    except Unknown as error:
        raise Problem(404, str(error)) from None
    except NotSold as error:
        raise Problem(422, f"product {error} is not sold any more", type="not-sold") from None
    except OtherCurrency as error:
        raise Problem(422, str(error), type="other-currency") from None
    except TooMany as error:
        raise Problem(409, str(error), type="wishlist-limit") from None
