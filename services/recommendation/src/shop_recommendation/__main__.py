"""`python -m shop_recommendation serve | train | migrate`."""

import sys

from shop_chassis.start import loading

with loading():
    from shop_chassis.command import Command, main

    from shop_recommendation.service import service
    from shop_recommendation.train import train

sys.exit(main(service, extra={"train": Command("make a model of what shoppers did, then end", train)}))
