from hypothesis import given
from hypothesis import strategies as st
from shop_recommendation.content import Features, likeness

words = st.text("ab", min_size=1, max_size=2)
features = st.builds(
    Features.of,
    words,
    st.dictionaries(words, words, max_size=3),
    st.integers(0, 10**6),
    st.sampled_from(["EUR", "USD"]),
)


@given(features, features)
def test_it_is_the_same_in_both_directions_and_never_beyond_its_bounds(
    one: Features, other: Features
) -> None:
    assert likeness(one, other) == likeness(other, one)
    assert 0 <= likeness(one, other) <= 1


@given(features)
def test_nothing_is_more_like_a_product_than_itself(one: Features) -> None:
    assert likeness(one, one) == 1


def test_each_thing_that_is_shared_counts() -> None:
    lamp = Features.of("lighting", {"brand": "Ottoni", "colour": "oak"}, 4900, "EUR")
    same = Features.of("lighting", {"Brand": "ottoni", "colour": "oak"}, 4900, "EUR")
    assert likeness(lamp, same) == 1
    other_colour = Features.of("lighting", {"brand": "Ottoni", "colour": "black"}, 4900, "EUR")
    dearer = Features.of("lighting", {"brand": "Ottoni", "colour": "black"}, 9800, "EUR")
    table = Features.of("tables", {"brand": "Ottoni", "colour": "black"}, 9800, "EUR")
    found = [likeness(lamp, other) for other in (same, other_colour, dearer, table)]
    assert found == sorted(found, reverse=True)
    assert len(set(found)) == 4
