"""`python -m shop_operator` is `shop-operator`."""

import sys

from shop_operator.cli import main

sys.exit(main())
