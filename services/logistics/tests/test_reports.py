from pathlib import Path

import pytest
from shop_logistics.reports import TOLERANCE, BadSignature, Secrets, check, sign

BODY, SECRET, NOW = b'{"id": "1"}', b"secret", 1_800_000_000


def test_what_the_carrier_signed_is_taken() -> None:
    check(sign(BODY, SECRET, NOW), BODY, SECRET, NOW + TOLERANCE)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("", "expected t="),
        ("t=,v1=00", "expected t="),
        ("t=١٢٣,v1=00", "expected t="),
        (f"t={NOW}", "not that of this body"),
        (f"t={NOW},v1=00", "not that of this body"),
        (f"t={NOW},v1=ö", "not that of this body"),
        (sign(BODY, b"another", NOW), "not that of this body"),
        (sign(BODY + b" ", SECRET, NOW), "not that of this body"),
        (sign(BODY, SECRET, NOW).replace(f"t={NOW}", f"t={NOW + 1}"), "not that of this body"),
        (sign(BODY, SECRET, NOW - TOLERANCE - 1), "signed more than"),
        (sign(BODY, SECRET, NOW + TOLERANCE + 1), "signed more than"),
    ],
)
def test_anything_else_is_not(header: str, says: str) -> None:
    with pytest.raises(BadSignature, match=says):
        check(header, BODY, SECRET, NOW)


def test_secrets_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    assert secrets.of("paketpost") is None
    (tmp_path / "paketpost").write_text("one\n")
    assert secrets.of("paketpost") == b"one"
    (tmp_path / "paketpost").write_text("\n")
    assert secrets.of("paketpost") is None
    assert Secrets(None).of("paketpost") is None
