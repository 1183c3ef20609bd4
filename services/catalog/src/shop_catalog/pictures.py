"""Smaller copies of a picture, so that a phone need not fetch what a poster needs."""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

WIDTHS = (160, 320, 480, 720, 1080)
"""Pixels; those below the picture's own, and its own, are made."""
MIN_WIDTH = 16
MAX_PIXELS = 40_000_000
"""What a picture may unfold to: a few kilobytes can say that they are a thousand times as many."""
QUALITY = 82
MADE = "image/webp"


class NotAPicture(Exception):  # noqa: N818 - the name says it
    """What was given cannot be read as a picture of its type; says why."""


def sizes(content: bytes, media_type: str) -> dict[int, bytes]:
    """WebP by width, narrowest first, the widest as wide as the picture (at most 1080).

    Where it was taken and with which camera is left out. Tens of milliseconds of work: not for an event loop.
    Raises NotAPicture.
    """
    picture = _read(content, media_type)
    widths = sorted({*(width for width in WIDTHS if width < picture.width), min(picture.width, WIDTHS[-1])})
    return dict(_made(picture, widths))


def _made(picture: "Image", widths: list[int]) -> Iterator[tuple[int, bytes]]:
    for width in widths:
        height = max(1, round(picture.height * width / picture.width))
        out = io.BytesIO()
        picture.resize((width, height)).save(out, "WEBP", quality=QUALITY, method=3)
        yield width, out.getvalue()


def _read(content: bytes, media_type: str) -> "Image":
    # Some megabytes that a catalog without uploads need not have.
    from PIL import Image, ImageOps, UnidentifiedImageError

    found = media_type.removeprefix("image/").upper()
    try:
        picture: Image.Image = Image.open(io.BytesIO(content), formats=[found])
        if picture.width * picture.height > MAX_PIXELS:
            raise NotAPicture(
                f"expected at most {MAX_PIXELS} pixels, found {picture.width} × {picture.height}"
            )
        if min(picture.size) < MIN_WIDTH:
            raise NotAPicture(f"expected at least {MIN_WIDTH} pixels each way, found {picture.size}")
        picture = ImageOps.exif_transpose(picture)
        return picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise NotAPicture(
            f"expected a picture of type {media_type}, found something else: {error}"
        ) from error
