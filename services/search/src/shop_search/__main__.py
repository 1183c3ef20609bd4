"""`python -m shop_search serve`."""

import sys

from shop_chassis.start import loading

with loading():
    from shop_chassis.command import main

    from shop_search.service import service

sys.exit(main(service))
