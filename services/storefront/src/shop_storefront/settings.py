"""What the storefront is told by its environment."""

from pydantic import Field, HttpUrl
from shop_chassis.settings import Settings


class StorefrontSettings(Settings):
    """Those of the chassis, what the shop is called, and where its neighbours are."""

    public_url: HttpUrl = HttpUrl("http://localhost:8080")
    """As browsers see the shop; with https cookies are sent over TLS alone."""
    shop_name: str = "Hearth & Trail"
    default_locale: str = "en"
    """Where neither preferences nor browser say anything that there are texts for."""
    payment_origins: tuple[str, ...] = ()
    """Whose pages a payment may lead to, as JSON list of origins: `["https://pay.example"]`."""
    test_cards: bool = True
    """Offers the cards of the test gateway; a real gateway's own form gives tokens in their place."""
    countries: tuple[str, ...] = (
        *("AT", "BE", "CA", "CH", "CZ", "DE", "DK", "ES", "FI", "FR"),
        *("GB", "IE", "IT", "LU", "NL", "NO", "PL", "PT", "SE", "US"),
    )
    """ISO 3166-1 alpha-2; that forms offer. Whether something is sent there order-taking says."""
    page_seconds: float = Field(default=4.0, gt=0)
    """For a whole page; each remote part of it has less."""
    live_pages: int = Field(default=2000, ge=1)
    """Open pages that listen for news, in a replica; further ones look by themselves."""
    patience: float = Field(default=1.0, gt=0)
    """Times the deadlines of parts and calls: above 1 where a slow machine must not look like an absence."""

    # By default a neighbour is the Service of its name.
    user_url: HttpUrl = HttpUrl("http://user")
    catalog_url: HttpUrl = HttpUrl("http://catalog")
    search_url: HttpUrl = HttpUrl("http://search")
    cart_url: HttpUrl = HttpUrl("http://cart")
    wishlist_url: HttpUrl = HttpUrl("http://wishlist")
    recommendation_url: HttpUrl = HttpUrl("http://recommendation")
    notification_url: HttpUrl = HttpUrl("http://notification")
    order_taking_url: HttpUrl = HttpUrl("http://order-taking")
    order_processing_url: HttpUrl = HttpUrl("http://order-processing")
    payment_url: HttpUrl = HttpUrl("http://payment")
    logistics_url: HttpUrl = HttpUrl("http://logistics")
    warehouse_url: HttpUrl = HttpUrl("http://warehouse")

    @property
    def secure(self) -> bool:
        """Whether browsers come by TLS."""
        return self.public_url.scheme == "https"
