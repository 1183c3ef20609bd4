"""What is stuck on a parcel: an SVG in the usual size of labels, 100 by 150 mm."""

import io
from dataclasses import dataclass
from xml.sax.saxutils import escape

from shop_contracts.address import Address

MEDIA_TYPE = "image/svg+xml"


@dataclass(frozen=True, slots=True)
class Label:
    """What is written on it."""

    heading: str
    carrier: str
    tracking_number: str
    to: Address
    sender: Address | None
    """None: of somebody who has been forgotten."""
    note: str = ""


def draw(label: Label) -> str:
    """The same label is the same text, byte by byte."""
    sender = ", ".join(_lines(label.sender)) if label.sender else ""
    small = [_text(6, 12, 4, f"From: {sender}"), _text(6, 22, 7, label.heading, bold=True)]
    to = [_text(6, 38 + 7 * row, 5.5, line) for row, line in enumerate(_lines(label.to))]
    foot = [
        _text(6, 94, 5, label.carrier, bold=True),
        _text(6, 140, 6, label.tracking_number, bold=True),
        _text(6, 146, 3.5, label.note),
    ]
    body = "\n".join([*small, *to, '<path d="M4 86H96" stroke="#000" stroke-width=".5"/>', *foot])
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="100mm" height="150mm" viewBox="0 0 100 150" '
        'font-family="sans-serif">\n<rect width="100" height="150" fill="#fff"/>\n'
        f"{body}\n{_code(label.tracking_number)}\n</svg>\n"
    )


def _lines(to: Address) -> list[str]:
    place = " ".join(part for part in (to.postal_code, to.city) if part)
    written = (to.name, to.line1, to.line2, place, to.region, to.country, to.phone)
    return [line for line in written if line]


def _text(x: float, y: float, size: float, text: str, *, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    # A long name becomes narrower instead of leaving the label.
    room = 100 - 2 * x
    fit = f' textLength="{room:g}" lengthAdjust="spacingAndGlyphs"' if len(text) * size * 0.55 > room else ""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size:g}"{weight}{fit}>{escape(text)}</text>'


def _code(text: str) -> str:
    import segno  # only who draws a label pays for the import

    out = io.BytesIO()
    code = segno.make_qr(text, error="m")
    scale = 34 / code.symbol_size()[0]
    code.save(
        out, kind="svg", scale=scale, xmldecl=False, svgns=False, nl=False, svgclass=None, lineclass=None
    )
    return f'<g transform="translate(58 98)">{out.getvalue().decode()}</g>'
