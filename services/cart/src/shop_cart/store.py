"""Carts in the cache, which for this service is the place of record (Redis with an append-only file)."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

from shop_chassis.cache import Cache, Entry, Found, Writes
from shop_contracts.cart.api import MY_CART, LeftOut

from shop_cart import domain
from shop_cart.domain import StoredCart

DAY = 86400.0
GUEST_TTL = 30 * DAY
USER_TTL = 180 * DAY
MERGED_TTL = DAY
"""How long a merged guest's cart is remembered as such, so that a repeated merge is no error."""


class NoCart(Exception):  # noqa: N818 - the name says it
    """There is no such cart, or no longer."""


class CartMerged(Exception):  # noqa: N818
    """This guest's cart has gone into a user's."""


class CartChanged(Exception):  # noqa: N818
    """The cart is not the one that the change was meant for (If-Match)."""


@dataclass(frozen=True, slots=True)
class Ref:
    """Which cart: its public id, where it is kept, for how long, and whether it exists without being made."""

    id: str
    key: str
    ttl: float
    implicit: bool
    subject: str | None = None
    """Of its user's tokens."""


def guest_cart(cart_id: str) -> Ref:
    """The cart of whoever knows this id."""
    return Ref(cart_id, f"cart:guest:{cart_id}", GUEST_TTL, implicit=False)


def user_cart(user: str) -> Ref:
    """The one cart of a user; it exists from the start, empty."""
    return Ref(MY_CART, f"cart:user:{user}", USER_TTL, implicit=True, subject=user)


@dataclass(frozen=True, slots=True)
class Version:
    """A cart as it was stored, with the entity tag of exactly that."""

    cart: StoredCart
    etag: str


class CartStore:
    """Reads and changes carts; every change is atomic, and is made on the latest state."""

    def __init__(self, cache: Cache, changed: Callable[[Ref, StoredCart], None] = lambda *_: None) -> None:
        """`changed` is told what is in a cart after each change."""
        self._cache = cache
        self._changed = changed

    async def create(self) -> tuple[Ref, Version]:
        """A new cart for a guest. Its id has 192 random bits: to know it is to own the cart."""
        ref = guest_cart(secrets.token_urlsafe(24))
        stored = _dump(StoredCart())
        await self._cache.set_many({ref.key: Entry(stored, ref.ttl)})
        return ref, _version(stored)

    async def read(self, ref: Ref) -> Version:
        """The cart; its time to live starts again. Raises NoCart, CartMerged."""
        return _load(ref, await self._cache.get(ref.key, touch=ref.ttl))

    async def change(
        self, ref: Ref, change: Callable[[StoredCart], StoredCart], if_match: str | None
    ) -> Version:
        """Replace the cart by what `change` makes of it. Raises NoCart, CartMerged, CartChanged."""

        def write(found: Found) -> tuple[Writes, Version]:
            before = _load(ref, found[ref.key])
            _require(before, if_match)
            stored = _dump(change(before.cart))
            return {ref.key: Entry(stored, ref.ttl)}, _version(stored)

        version = await self._cache.update([ref.key], write)
        self._changed(ref, version.cart)
        return version

    async def forget(self, ref: Ref, if_match: str | None) -> None:
        """Delete the cart; one that is not there is no error. Raises CartChanged, CartMerged."""

        def write(found: Found) -> tuple[Writes, None]:
            raw = found[ref.key]
            if raw is None:
                return {}, None
            if if_match is not None:
                _require(_load(ref, raw), if_match)
            return {ref.key: None}, None

        await self._cache.update([ref.key], write)

    async def held(self, ref: Ref) -> StoredCart | None:
        """What is stored, without keeping it any longer; None for nothing."""
        stored = await self._cache.get(ref.key)
        return None if stored is None else _parse(stored)

    async def merge(self, guest: Ref, user: Ref) -> tuple[Version, list[LeftOut]]:
        """Move a guest's cart into a user's, both at once; doing it again changes nothing.

        Raises NoCart, and CartMerged when it went into the cart of somebody else.
        """

        def write(found: Found) -> tuple[Writes, tuple[Version, list[LeftOut]]]:
            mine = _load(user, found[user.key])
            left = found[guest.key]
            if left is not None and _parse(left).merged_into == user.key:
                return {}, (mine, [])
            merged, left_out = domain.merge(mine.cart, _load(guest, left).cart)
            stored = _dump(merged)
            gone = _dump(StoredCart(merged_into=user.key))
            writes = {user.key: Entry(stored, user.ttl), guest.key: Entry(gone, MERGED_TTL)}
            return writes, (_version(stored), left_out)

        version, left_out = await self._cache.update([guest.key, user.key], write)
        self._changed(user, version.cart)
        return version, left_out


def _load(ref: Ref, stored: bytes | None) -> Version:
    if stored is None:
        if not ref.implicit:
            raise NoCart
        stored = _dump(StoredCart())
    version = _version(stored)
    if version.cart.merged_into is not None:
        raise CartMerged
    return version


def _version(stored: bytes) -> Version:
    return Version(_parse(stored), f'"{blake2b(stored, digest_size=12).hexdigest()}"')


def _parse(stored: bytes) -> StoredCart:
    return StoredCart.model_validate_json(stored)


def _dump(cart: StoredCart) -> bytes:
    return cart.model_dump_json(exclude_defaults=True).encode()


def _require(version: Version, if_match: str | None) -> None:
    if if_match is None or if_match.strip() == "*":
        return
    if version.etag not in [tag.strip() for tag in if_match.split(",")]:
        raise CartChanged
