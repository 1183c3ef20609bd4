"""`python -m shop_cart serve`."""

import sys

from shop_chassis.start import loading

with loading():
    from shop_chassis.command import main

    from shop_cart.service import service

sys.exit(main(service))
