"""Somebody who has something with every neighbour: a wish, an order on its way, a cart, a checkout begun."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from shop import demo
from shop.local.addresses import Addresses
from shop_contracts.address import Address
from shop_contracts.money import Money
from shop_storefront.drafts import Draft, Placed
from shop_storefront.sessions import Session

from .administrator import asking, signed_in
from .buying import eventually, ordered
from .people import new_person
from .test_browser import LAMP

BOWL = next(each for each in demo.products() if "bowl" in each.slug and not each.family)
ADDRESS = Address(name="Bo Example", line1="Lindenallee 12", city="Berlin", postal_code="10115", country="DE")


@dataclass(frozen=True)
class Customer:
    """Whose it is, and where it is."""

    email: str
    subject: str
    order: str
    """Its parcel has a number."""
    wishlist: str
    shared: str
    """The token of a link to it."""

    def session(self, neighbours: Addresses) -> Session:
        """Signed in, with a lamp in the cart, before the last look."""
        placed = Placed(
            key=str(uuid4()),
            order_id=UUID(self.order),
            email=self.email,
            total=Money(amount=4990, currency="EUR"),
            pieces=2,
        )
        draft = Draft(
            key=str(uuid4()),
            email=self.email,
            address=ADDRESS,
            option="standard",
            method="tok_visa",
            method_title="Visa ···· 4242",
            placed=placed,
        )
        known = {
            "cart_count": 1,
            "recent": (BOWL.id,),
            "checkout": draft.model_dump(mode="json", exclude_defaults=True),
        }
        return signed_in(neighbours, self.subject, "shop").model_copy(update=known)


async def new_customer(neighbours: Addresses) -> Customer:
    """Once all of it has come about."""
    person = await new_person(neighbours)
    subject, bearer = str(person.session.subject), person.session.access_token
    async with (
        asking(neighbours, "wishlist", bearer) as wishlist,
        asking(neighbours, "cart", bearer) as cart,
        asking(neighbours, "order-processing", bearer) as orders,
    ):

        async def wished() -> bool:  # wishlist hears of products by events
            return (await wishlist.put(f"/wishlists/default/items/{LAMP.id}", json={})).is_success

        await eventually(wished)
        id = (await wishlist.get("/wishlists")).raise_for_status().json()["items"][0]["id"]
        link = (await wishlist.post(f"/wishlists/{id}:share")).raise_for_status().json()
        order = await ordered(neighbours, person)

        async def filled() -> bool:
            key, line = {"Idempotency-Key": str(uuid4())}, {"product_id": str(LAMP.id), "quantity": 1}
            return (await cart.post("/carts/me/lines", json=line, headers=key)).is_success

        await eventually(filled)

        async def allocated() -> bool:
            answer = await orders.get(f"/orders/{order}")
            return answer.is_success and bool((answer.json()["shipment"] or {}).get("tracking_number"))

        await eventually(allocated)
    return Customer(person.email, subject, order, id, link["token"])
