"""The admin area: what those who run the shop see and do, in the rights of their own token."""

from shop_storefront.routes.admin import (
    campaigns,
    engines,
    families,
    letters,
    offers,
    orders,
    overview,
    payments,
    pictures,
    products,
    sagas,
    shipments,
    stock,
)

routers = (
    overview.router,
    products.router,
    pictures.router,
    families.router,
    offers.router,
    stock.router,
    orders.router,
    sagas.router,
    payments.router,
    shipments.router,
    letters.router,
    campaigns.router,
    engines.router,
)
