import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop_storefront.redirects import safe_path


@pytest.mark.parametrize("path", ["/", "/p/oak-desk-lamp", "/search?q=a+b&sort=price", "/orders#x", "/a//b"])
def test_paths_of_the_shop_are_followed(path: str) -> None:
    assert safe_path(path, "/other") == path


@pytest.mark.parametrize(
    "elsewhere",
    [
        None,
        "",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        "evil.example",
        " /x",
        "/" + "x" * 3000,
    ],
)
def test_nobody_is_sent_elsewhere(elsewhere: str | None) -> None:
    assert safe_path(elsewhere, "/other") == "/other"


@given(st.text())
def test_whatever_is_asked_for_stays_in_the_shop(wanted: str) -> None:
    path = safe_path(wanted)
    assert path.startswith("/")
    assert not path.startswith(("//", "/\\"))
    assert not set(path) & set("\t\r\n\\ ")
