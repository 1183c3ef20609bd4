"""Pictures of the demo goods, drawn when they are needed: the same finish on the same kind looks the same."""

from shop.demo import drawings
from shop.demo.colours import Finish
from shop.demo.goods import Kind
from shop.demo.products import Look

SIZE = 720
"""Pixels in each direction; catalog makes smaller ones of it."""
BACKGROUNDS = {
    "home": "#f3ebdf",
    "kitchen": "#e8eee6",
    "outdoor": "#e3ebef",
    "office": "#efe9ee",
}
"""By the category at the top."""


WITHOUT_FLOOR = frozenset(
    "bike_light clock dome_pendant frying_pan globe_pendant hat helmet jacket knife mat multitool pen plate "
    "shirt sketchbook small_helmet".split()
)
"""What hangs, lies or is held."""
FLOOR = (
    '<rect y="146" width="200" height="54" fill="#000" opacity=".045"/>'
    '<ellipse cx="100" cy="160" rx="66" ry="7" fill="#000" opacity=".10"/>'
)


def svg(kind: Kind, finish: Finish, top: str, *, mirrored: bool = False) -> str:
    """A drawing on the ground of its category."""
    drawn: str = getattr(drawings, kind.drawing)(finish.shades)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200">'
        f'<rect width="200" height="200" fill="{BACKGROUNDS[top]}"/>'
        f'{"" if kind.drawing in WITHOUT_FLOOR else FLOOR}'
        f'<g transform="translate({188 if mirrored else 12} 10) scale({-0.88 if mirrored else 0.88} .88)">{drawn}</g></svg>'
    )


def png(kind: Kind, finish: Finish, top: str, *, mirrored: bool = False) -> bytes:
    """The drawing as PNG; some 20 ms of work, so not for an event loop."""
    import resvg_py  # costs a few megabytes that only who draws should pay

    drawn = svg(kind, finish, top, mirrored=mirrored)
    return bytes(resvg_py.svg_to_bytes(svg_string=drawn, width=SIZE, height=SIZE, skip_system_fonts=True))


def picture(look: Look) -> bytes:
    """A product's picture, as PNG."""
    return png(look.kind, look.finish, look.top, mirrored=look.mirrored)
