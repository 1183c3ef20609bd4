"""Pictures of the demo goods, drawn when they are needed: the same finish on the same kind looks the same."""

from shop.demo import drawings
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


WITHOUT_FLOOR = {
    *(
        "bike_light",
        "clock",
        "dome_pendant",
        "globe_pendant",
        "hat",
        "helmet",
        "jacket",
        "shirt",
        "small_helmet",
    ),
    *("frying_pan", "knife", "mat", "multitool", "pen", "plate", "sketchbook"),
}
"""What hangs, lies or is held."""
FLOOR = (
    '<rect y="146" width="200" height="54" fill="#000" opacity=".045"/>'
    '<ellipse cx="100" cy="160" rx="66" ry="7" fill="#000" opacity=".10"/>'
)


def svg(look: Look) -> str:
    """A drawing on the ground of its category."""
    drawing = look.kind.drawing
    drawn: str = getattr(drawings, drawing)(look.finish.shades)
    place = "translate(188 10) scale(-.88 .88)" if look.mirrored else "translate(12 10) scale(.88)"
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200">'
        f'<rect width="200" height="200" fill="{BACKGROUNDS[look.top]}"/>'
        f"{'' if drawing in WITHOUT_FLOOR else FLOOR}"
        f'<g transform="{place}">{drawn}</g></svg>'
    )


def picture(look: Look) -> bytes:
    """The drawing as PNG; some 30 ms of work, so not for an event loop."""
    import resvg_py  # costs a few megabytes that only who draws should pay

    drawn = svg(look)
    return bytes(resvg_py.svg_to_bytes(svg_string=drawn, width=SIZE, height=SIZE, skip_system_fonts=True))
