"""What is cheaper, for whom and with which code."""

from uuid import UUID

from shop_contracts.catalog.promotions import AmountOff, CouponContent, NForM, Percentage, PromotionContent
from shop_contracts.money import Money

from shop.demo.products import CURRENCY


def promotions() -> dict[UUID, PromotionContent]:
    """By id."""
    return {
        UUID("019b77e0-0000-7000-8000-00000000000a"): PromotionContent(
            title="Three mugs or cups for two", rule=NForM(take=3, pay=2), categories=["mugs-cups"]
        ),
        UUID("019b77e0-0000-7000-8000-00000000000b"): PromotionContent(
            title="15 % off all cycling", rule=Percentage(percent=15), categories=["cycling"]
        ),
        UUID("019b77e0-0000-7000-8000-00000000000c"): PromotionContent(
            title="Helmets: 20 euros off, with nothing else",
            rule=AmountOff(amount=Money(amount=2000, currency=CURRENCY), per="piece"),
            categories=["helmets"],
            exclusive=True,
        ),
    }


def coupons() -> dict[str, CouponContent]:
    """By code."""
    return {
        "WELCOME10": CouponContent(
            title="10 % off the first order", rule=Percentage(percent=10), limit_per_subject=1
        ),
        "FIVE": CouponContent(
            title="5 euros off",
            rule=AmountOff(amount=Money(amount=500, currency=CURRENCY)),
            minimum=Money(amount=5000, currency=CURRENCY),
        ),
        "FIRST100": CouponContent(
            title="20 % off textiles, for a hundred orders",
            rule=Percentage(percent=20),
            categories=["textiles"],
            limit=100,
            exclusive=True,
        ),
    }
