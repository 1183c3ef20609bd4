from dataclasses import replace
from xml.etree import ElementTree

import pytest
from shop_contracts.address import Address
from shop_logistics.labels import Label, draw

SVG = "{http://www.w3.org/2000/svg}"
TO = Address(
    name='Ann <b>"&"</b> Sons', line1="Lindenallee 12", city="Berlin", postal_code="10115", country="DE"
)
DEPOT = Address(name="Shop", line1="Quay 1", city="Rotterdam", postal_code="3011", country="NL")
LABEL = Label("EXPRESS", "Swiftline", "SWABCDEFGHIJKL", TO, DEPOT, "1.40 kg")


def written(label: Label) -> list[str]:
    """The texts of a label, which must be well-formed XML."""
    return [text.text or "" for text in ElementTree.fromstring(draw(label)).iter(f"{SVG}text")]


def test_it_says_all_that_a_carrier_needs() -> None:
    assert written(LABEL) == [
        "From: Shop, Quay 1, 3011 Rotterdam, NL",
        "EXPRESS",
        'Ann <b>"&"</b> Sons',
        "Lindenallee 12",
        "10115 Berlin",
        "DE",
        "Swiftline",
        "SWABCDEFGHIJKL",
        "1.40 kg",
    ]


def test_the_code_is_of_the_tracking_number_and_the_drawing_is_always_the_same() -> None:
    def code(label: Label) -> str:
        return draw(label).partition("<g ")[2]

    assert draw(LABEL) == draw(LABEL)
    assert code(replace(LABEL, note="another", heading="STANDARD")) == code(LABEL)
    assert code(replace(LABEL, tracking_number="SWABCDEFGHIJKM")) != code(LABEL)


@pytest.mark.parametrize("length", [1, 40, 120])
def test_a_long_line_is_pressed_into_the_label(length: int) -> None:
    to = TO.model_copy(update={"line1": "W" * length})
    line = next(
        text
        for text in ElementTree.fromstring(draw(replace(LABEL, to=to))).iter(f"{SVG}text")
        if (text.text or "").startswith("W")
    )
    assert ("textLength" in line.attrib) == (length > 30)


def test_a_full_address_stays_above_the_rule() -> None:
    full = TO.model_copy(update={"line2": "Hinterhaus", "region": "Berlin", "phone": "+49 30 1"})
    texts = ElementTree.fromstring(draw(replace(LABEL, to=full, sender=None))).iter(f"{SVG}text")
    rows = {text.text: float(text.attrib["y"]) for text in texts}
    assert rows["+49 30 1"] < 86


def test_a_sender_who_is_forgotten_is_left_blank() -> None:
    assert written(replace(LABEL, sender=None))[0] == "From: "
