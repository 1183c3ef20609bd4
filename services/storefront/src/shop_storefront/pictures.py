"""Pictures of products in the sizes that there are."""

from shop_contracts.catalog.api import Image


def srcset(image: Image) -> str:
    """For `<img srcset>`: each size and its width; empty where there is one size only."""
    return ", ".join(f"{each.url} {each.width}w" for each in image.sizes)
