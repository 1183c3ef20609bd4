"""`python -m shop_notification serve | work | migrate`: API, with or without worker; worker; schema."""

import sys

from shop_chassis.start import loading

with loading():
    from shop_chassis.command import main

    from shop_notification.service import service, worker

if sys.argv[1:2] == ["work"]:
    sys.exit(main(worker, ["serve", *sys.argv[2:]]))
sys.exit(main(service))
