"""`python -m shop_notification serve | migrate`."""

import sys

from shop_chassis.command import main

from shop_notification.service import service

sys.exit(main(service))
