"""Every template in every language and on every channel, against what was read and approved.

With UPDATE_GOLDEN=1 in the environment it writes tests/golden anew: read the diff.
"""

import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from shop_notification.links import Links
from shop_notification.templates import LANGUAGES, Reader, Templates

GOLDEN = Path(__file__).with_name("golden")
TEMPLATES = Templates(Links("https://shop.example", "https://shop.example/api/notification", "s"), "Shop")
EACH = [(name, language) for name in TEMPLATES.all for language in LANGUAGES]


def told(name: str, language: str) -> str:
    """What somebody reads, channel by channel."""
    template, parts = TEMPLATES.named(name), []
    for channel in template.channels:
        preview = TEMPLATES.preview(template, channel, Reader(language, "Europe/Berlin"))
        parts.append(f"=== {channel}: {preview.title}\n{preview.text.rstrip()}\n")
    return "\n".join(parts)


@pytest.mark.parametrize(("name", "language"), EACH)
def test_it_says_what_was_approved(name: str, language: str) -> None:
    golden = GOLDEN / f"{name}.{language}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(told(name, language))
    assert golden.read_text() == told(name, language)


class Page(HTMLParser):
    """What a mail program would follow and load, and whether every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.text: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        self.links += [str(value) for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize(("name", "language"), EACH)
def test_html_says_what_the_text_says_with_links_that_work_from_anywhere(name: str, language: str) -> None:
    template = TEMPLATES.named(name)
    preview = TEMPLATES.preview(template, "email", Reader(language, "Europe/Berlin"))
    assert preview.html
    page = Page()
    page.feed(preview.html)
    assert page.open == []
    assert all(link.startswith("https://") for link in page.links), page.links
    assert preview.link in page.links
    assert "{{" not in preview.html
    shown = re.sub(r"\s+", " ", " ".join(page.text))
    for line in preview.text.split("\n\n"):
        words = " ".join(line.split())
        if re.fullmatch(r"[^:{}€=*-]{20,}", words):
            assert words in shown


def test_what_others_give_is_text_and_nothing_else() -> None:
    title = "<b>x</b> & {{ 7 * 7 }}\nBcc: all@example.com"
    product = {**TEMPLATES.named("price-drop").sample, "title": title}
    words, text, html = TEMPLATES.mail("price-drop", product, Reader("en", "UTC"), None)
    assert "<b>x</b> & {{ 7 * 7 }}" in text
    assert "&lt;b&gt;x&lt;/b&gt; &amp; {{ 7 * 7 }}" in html
    assert "<b>" not in html
    assert words.title.startswith("Price drop: <b>")


def test_a_picture_that_is_missing_leaves_its_place() -> None:
    product = {**TEMPLATES.named("price-drop").sample, "image": None}
    _, _, html = TEMPLATES.mail("price-drop", product, Reader("en", "UTC"), None)
    assert "<img" not in html


def test_other_languages_read_english_with_amounts_as_there() -> None:
    sample = TEMPLATES.named("price-drop").sample
    assert "€59.90" in TEMPLATES.words("price-drop", sample, Reader("fr-FR", "UTC")).short
    assert "59.90" in TEMPLATES.words("price-drop", sample, Reader("en-CH", "UTC")).short
