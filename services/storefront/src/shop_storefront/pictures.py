"""Pictures of products in the sizes that there are."""

from shop_contracts.catalog.api import Image


def srcset(image: Image) -> str:
    """For `<img srcset>`: each size and its width; empty where there is one size only."""
    sizes: dict[int, str] = getattr(image, "sizes", None) or {}
    return ", ".join(f"{url} {width}w" for width, url in sorted(sizes.items()))
