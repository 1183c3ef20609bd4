"""What a ShopService becomes: pure functions from the resource to its children's manifests.

`build` gives all of them in the order of application; `gaps` says what cannot be had on this cluster.
"""

from shop_operator.children.build import build, gaps
from shop_operator.children.context import Caller, Context, Gap, Issuer, Lender, Manifest

__all__ = ["Caller", "Context", "Gap", "Issuer", "Lender", "Manifest", "build", "gaps"]
