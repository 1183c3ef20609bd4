"""Words, and how far apart they are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shop_chassis.settings import SettingsError
from shop_contracts.catalog.api import Category
from shop_search import synonyms
from shop_search.synonyms import parse
from shop_search.text import distance, edits_allowed, forms, plain_words, respelled, tokens
from shop_search.tree import Tree
from shop_search.vocabulary import Vocabulary

words = st.text(alphabet="abcd", max_size=6)


def edits(word: str) -> set[str]:
    """All words one edit away, in these letters."""
    splits = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    return {
        *(a + b[1:] for a, b in splits if b),
        *(a + b[1] + b[0] + b[2:] for a, b in splits if len(b) > 1),
        *(a + c + b[1:] for a, b in splits if b for c in "abcd"),
        *(a + c + b for a, b in splits for c in "abcd"),
    } - {word}


@settings(deadline=None)
@given(words)
def test_one_edit_is_a_distance_of_one(word: str) -> None:
    assert all(distance(word, other) == distance(other, word) == 1 for other in edits(word))
    assert distance(word, word) == 0


@settings(deadline=None)
@given(words, words)
def test_a_distance_of_two_or_more_is_no_single_edit(one: str, other: str) -> None:
    apart = distance(one, other)
    assert (apart == 1) is (other in edits(one))
    assert abs(len(one) - len(other)) <= apart <= max(len(one), len(other))


@settings(deadline=None, max_examples=30)
@given(st.lists(words.filter(bool), max_size=30, unique=True), words.filter(bool), st.integers(0, 2))
def test_the_vocabulary_finds_what_is_near(known: list[str], word: str, most: int) -> None:
    vocabulary = Vocabulary()
    vocabulary.add((each, each) for each in known)
    vocabulary.commit()
    assert vocabulary.near(word, most) == sorted(each for each in known if distance(each, word) <= most)


@pytest.mark.parametrize(
    ("word", "allowed"), [("lam", 0), ("lamp", 1), ("kitchen", 1), ("bathroom", 2), ("4711", 0)]
)
def test_short_words_and_numbers_are_meant_as_they_are(word: str, allowed: int) -> None:
    assert edits_allowed(word) == allowed


@settings(deadline=None)
@given(st.text(max_size=80))
def test_whatever_the_text_its_words_can_be_compared(text: str) -> None:
    for token in tokens(text):
        assert text[token.start : token.end] == token.text
        found = forms(token.text)
        assert found is None or found.plain in plain_words(token.text)


def test_spelled_out_umlauts() -> None:
    assert respelled("stuehle") == "stuhle"
    assert respelled("lamp") is None


def test_synonyms_are_read() -> None:
    found = parse(["# none", "", "Sofa, Couch  # both ways", "tv => fernseher, television set"])
    assert found.of(("sofa",)) == (("couch",),)
    assert found.of(("couch",)) == (("sofa",),)
    assert found.of(("tv",)) == (("fernseher",), ("television", "set"))
    assert found.of(("fernseher",)) == ()
    assert found.longest == 1


@pytest.mark.parametrize("line", ["sofa", "a, ", "=> b", "one two three four five, b"])
def test_a_line_that_says_nothing_is_named(line: str, tmp_path) -> None:
    file = tmp_path / "synonyms.txt"
    file.write_text(f"a, b\n{line}\n")
    with pytest.raises(SettingsError, match=r"SYNONYMS: .*line 2"):
        synonyms.load(file)


def test_a_mounted_file_replaces_the_own_one(tmp_path) -> None:
    file = tmp_path / "synonyms.txt"
    file.write_text("zebra, striped horse\n")
    assert synonyms.load(file).of(("sofa",)) == ()
    assert synonyms.load(None).of(("sofa",))
    with pytest.raises(SettingsError, match="SYNONYMS"):
        synonyms.load(tmp_path / "absent")


def test_a_tree_knows_what_is_below_and_above(tree: list[Category]) -> None:
    its = Tree(reversed(tree))
    assert its.with_below("home") == ["home", "lighting", "desk-lamps", "chairs"]
    assert its.with_below("unknown") == ["unknown"]
    assert its.above("desk-lamps") == ["desk-lamps", "lighting", "home"]
    assert [each.slug for each in its.categories] == ["home", "lighting", "desk-lamps", "chairs", "things"]
    assert its.named([forms("lamp")]) == ["desk-lamps"]  # type: ignore[list-item]
    assert [each.slug for each in its.beginning(["desk", "la"])] == ["desk-lamps"]


def test_a_tree_between_two_events_of_a_move_is_read_too() -> None:
    its = Tree([Category(slug="a", title="A", parent="b"), Category(slug="b", title="B", parent="a")])
    assert its.with_below("a") == ["a", "b"]
    assert its.above("a") == ["a", "b"]
