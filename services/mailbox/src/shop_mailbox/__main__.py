"""`python -m shop_mailbox serve`."""

import sys

from shop_chassis.start import loading

with loading():
    from shop_chassis.command import main

    from shop_mailbox.service import service

sys.exit(main(service))
