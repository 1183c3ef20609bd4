"""`python -m shop_storefront serve`."""

import sys

from shop_chassis.start import loading

with loading():
    from shop_chassis.command import main

    from shop_storefront.service import service

sys.exit(main(service))
