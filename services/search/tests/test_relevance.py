"""What is found, and what comes first."""

import pytest
from shop_contracts.catalog.api import Category
from shop_search.index import Index
from shop_search.synonyms import parse

from .conftest import ask, index_of, product, put, slugs


def found(query: str, *titles: str) -> list[str]:
    return slugs(ask(index_of(product(title) for title in titles), query))


def test_a_title_counts_more_than_a_brand_and_that_more_than_a_description() -> None:
    index = index_of(
        [
            product("Reading light", description="A lantern for the desk."),
            product("Garden light", attributes={"brand": "Lantern"}),
            product("Camping lantern of steel and brass"),
        ]
    )
    assert slugs(ask(index, "lantern")) == [
        "camping-lantern-of-steel-and-brass",
        "garden-light",
        "reading-light",
    ]


def test_a_category_counts_as_a_brand_does(tree: list[Category]) -> None:
    index = index_of(
        [
            product("Nordlys", category="desk-lamps"),
            product("Cable", description="for lighting"),
            product("Lighting kit"),
        ],
        tree,
    )
    assert slugs(ask(index, "lighting")) == ["lighting-kit", "nordlys", "cable"]


def test_the_title_that_has_little_else_comes_first() -> None:
    assert found(
        "oak desk lamp", "Oak desk lamp with shade", "Oak desk lamp", "Lamp for an oak desk of some size"
    ) == [
        "oak-desk-lamp",
        "oak-desk-lamp-with-shade",
        "lamp-for-an-oak-desk-of-some-size",
    ]


def test_words_that_stand_together_come_before_words_that_do_not() -> None:
    assert found("desk lamp", "Lamp black desk", "Black desk lamp") == ["black-desk-lamp", "lamp-black-desk"]


def test_every_word_must_be_there_unless_nothing_has_them_all() -> None:
    titles = ("Oak desk", "Oak lamp", "Pine lamp")
    assert found("oak lamp", *titles) == ["oak-lamp"]
    assert found("oak lamp xylophone", *titles) == ["oak-lamp"]
    assert sorted(found("oak lamp pine", *titles)) == ["oak-lamp", "pine-lamp"]


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("lamps", "Desk lamp"),  # English
        ("running", "Shoe to run in"),
        ("stühle", "Stuhl aus Eiche"),  # German
        ("Tischen", "Tisch"),
        ("MÖBEL", "Möbel"),
        ("mobel", "Möbel"),
        ("moebel", "Möbel"),
        ("strasse", "Straße"),
        ("cafe", "Café au lait"),
        ("Mo\u0308bel", "Möbel"),  # decomposed
        ("Möbel", "Mo\u0308bel"),
    ],
)
def test_forms_of_a_word_are_the_same_word(query: str, title: str) -> None:
    assert len(found(query, title, "Something else")) == 1


def test_the_form_that_was_asked_for_comes_first() -> None:
    assert found("lamps", "Lamp holder", "Lamps holder") == ["lamps-holder", "lamp-holder"]


@pytest.mark.parametrize(
    ("query", "right"),
    [
        ("lmap", True),  # 4 letters, one typo: swapped
        ("lam", False),  # 3 letters: no typo is taken for granted, but it is a beginning
        ("lxmp", True),
        ("lamlp", True),
        ("headphnes", True),  # 8 and more: two
        ("haedphnes", True),
        ("hxadphxnxs", False),  # three
        ("lxxp", False),  # 4 letters, two typos
    ],
)
def test_typos(query: str, right: bool) -> None:
    page = ask(index_of([product("Lamp"), product("Headphones")]), query)
    if query == "lam":
        assert slugs(page) == ["lamp"]
        assert page.corrected is None
    else:
        assert bool(page.items) is right
        assert (page.corrected is not None) is right


def test_numbers_have_no_typos() -> None:
    assert found("4711", "Cologne 4712") == []


def test_a_word_that_is_there_is_taken_as_it_is() -> None:
    page = ask(index_of([product("Silk scarf"), product("Milk jug")]), "silk")
    assert slugs(page) == ["silk-scarf"]
    assert page.corrected is None


def test_of_two_words_that_may_be_meant_the_nearer_wins() -> None:
    assert found("headphnes", "Headphones", "Headphonist") == ["headphones"]


def test_a_typo_that_is_a_word_is_one_where_nothing_else_is_found() -> None:
    page = ask(index_of([product("Desk lamp"), product("Lump of coal")]), "desk lump")
    assert slugs(page)[0] == "desk-lamp"
    assert page.corrected == "desk lamp"


def test_a_correction_is_written_as_the_shop_writes_it() -> None:
    page = ask(index_of([product("Möbel aus Eiche")]), "mobbel eiche")
    assert len(page.items) == 1
    assert page.corrected == "möbel eiche"


def test_synonyms_come_after_the_word_itself() -> None:
    words = parse(["sofa, couch", "mobile phone => smartphone", "handy => mobile phone"])
    index = index_of([product("Couch of leather"), product("Sofa of leather"), product("Smartphone")])
    assert slugs(ask(index, "sofa", words=words)) == ["sofa-of-leather", "couch-of-leather"]
    assert slugs(ask(index, "mobile phone", words=words)) == ["smartphone"]
    assert slugs(ask(index, "smartphone", words=words)) == ["smartphone"]
    put(index, [product("Mobile phone")])
    assert slugs(ask(index, "handy", words=words)) == ["mobile-phone"]
    assert slugs(ask(index, "smartphone", words=words)) == ["smartphone"]


def test_stop_words_are_not_needed() -> None:
    assert found("a lamp for the desk", "Desk lamp", "Lamp") == ["desk-lamp"]
    assert found("the", "The the") == ["the-the"]


def test_a_sku_finds_its_product() -> None:
    index = index_of([product("Desk lamp", sku="LGT-0042"), product("Other lamp", sku="LGT-0043")])
    assert slugs(ask(index, "lgt-0042")) == ["desk-lamp"]


def test_what_is_not_sold_is_not_found_until_it_is_again() -> None:
    index = index_of([product("Desk lamp"), product("Oak lamp")])
    put(index, [product("Desk lamp", active=False, version=2)])
    assert slugs(ask(index, "lamp")) == ["oak-lamp"]
    put(index, [product("Desk lamp", version=3)])
    assert len(slugs(ask(index, "lamp"))) == 2


@pytest.mark.parametrize("query", ["", "   "])
def test_no_query_finds_everything(query: str) -> None:
    assert len(ask(index_of([product("One"), product("Two")]), query).items) == 2


@pytest.mark.parametrize("query", ["!?", "---", "\u0301", "“", "AND (", 'title:"x', "\U0001f600"])
def test_signs_are_no_language_and_find_nothing(query: str) -> None:
    page = ask(index_of([product("One")]), query)
    assert (page.items, page.total, page.next) == ([], 0, None)


def test_an_empty_index_answers_too() -> None:
    assert ask(Index(), "lamp").total == 0
    assert ask(Index()).items == []


def test_highlights_say_where() -> None:
    index = index_of(
        [
            product(
                "Oak desk lamps",
                description="Some words. " * 30 + "A lamp for your <b>desk</b>. " + "More of them. " * 30,
            )
        ]
    )
    [hit] = ask(index, "desk lamp").items
    assert hit.highlights is not None
    parts = [(part.text, part.match) for part in hit.highlights.title]
    assert parts == [("Oak ", False), ("desk", True), (" ", False), ("lamps", True)]
    text = "".join(part.text for part in hit.highlights.description)
    assert "A lamp for your <b>desk</b>." in text
    assert [part.text for part in hit.highlights.description if part.match] == ["lamp", "desk"]
    assert len(text) < 400
    assert ask(index).items[0].highlights is None
