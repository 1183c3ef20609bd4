"""`python -m shop_testgateway serve | migrate`."""

import sys

from shop_chassis.start import loading

with loading():
    from shop_chassis.command import main

    from shop_testgateway.service import service

sys.exit(main(service))
