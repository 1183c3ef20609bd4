"""`python -m shop_order_taking serve | migrate`."""

import sys

from shop_chassis.start import loading

with loading():
    from shop_chassis.command import main

    from shop_order_taking.service import service

sys.exit(main(service))
