"""`python -m shop_order_processing serve | migrate`."""

import sys

from shop_chassis.start import loading

with loading():
    from shop_chassis.command import main

    from shop_order_processing.service import service

sys.exit(main(service))
