"""A model in bytes: read back as it was, or refused."""

import zlib
from array import array
from hashlib import sha256
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop_recommendation import artefact
from shop_recommendation.artefact import BrokenModel, ModelContent, Ranked, decode, encode


def made(seed: int) -> ModelContent:
    """Any model."""
    chance = Random(seed)
    count, width = chance.randint(0, 6), chance.randint(0, 2)
    categories = [f"c{number}" for number in range(chance.randint(1, 4))]

    def ranked(rows: int) -> Ranked:
        weight = (chance.choice([2**-20, 0.5, 1.0, 2.0**20]) for _ in range(rows * count))
        items = [chance.sample(range(count), chance.randint(0, count)) for _ in range(rows)]
        return Ranked.of([[(item, next(weight)) for item in row] for row in items])

    return ModelContent(
        tuple(UUID(int=chance.getrandbits(128)) for _ in range(count)),
        array("I", [chance.randrange(len(categories)) for _ in range(count)]),
        tuple(categories),
        tuple(chance.randint(-1, number - 1) for number in range(len(categories))),
        tuple(chance.choice([0.5, 4.0]) for _ in range(width)),
        array("I", [chance.randint(0, 9) for _ in range(count * width)]),
        ranked(count),
        ranked(count),
        ranked(count),
        ranked(len(categories)),
    )


contents = st.builds(made, st.integers(0, 2**32))


@given(contents)
def test_it_is_read_as_it_was_written(content: ModelContent) -> None:
    assert decode(encode(content)) == content


@given(contents, st.data())
def test_no_changed_or_shortened_bytes_are_taken(content: ModelContent, data: st.DataObject) -> None:
    stored = bytearray(encode(content))
    place = data.draw(st.integers(0, len(stored) - 1))
    shorter = bytes(stored[:place])
    stored[place] ^= data.draw(st.integers(1, 255))
    for broken in (bytes(stored), shorter):
        with pytest.raises(BrokenModel, match="expected"):
            decode(broken)


def forged(plain: bytes) -> bytes:
    """What the checksum is right for, but not the content."""
    packed = zlib.compress(plain)
    return artefact._HEAD.pack(artefact.MAGIC, artefact.FORMAT, sha256(packed).digest()) + packed


def a_model() -> ModelContent:
    ids = tuple(UUID(int=number) for number in range(3))
    rows = Ranked.of([[(1, 0.5), (2, 0.25)], [(0, 1.0)], []])
    tree = ("a", "b"), (-1, 0)
    taste = (2.0,), array("I", [1, 2, 0])
    popular = Ranked.of([[(0, 1.0)], []])
    copies = (Ranked(rows.starts[:], rows.items[:], rows.weights[:]) for _ in range(3))
    return ModelContent(ids, array("I", [0, 1, 1]), *tree, *taste, *copies, popular)


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("a product beyond the last", lambda m: m.following.items.__setitem__(0, 3)),
        ("a weight of nothing", lambda m: m.similar.weights.__setitem__(0, 0.0)),
        ("a weight that is no number", lambda m: m.similar.weights.__setitem__(0, float("nan"))),
        ("rows that go back", lambda m: m.together.starts.__setitem__(1, 9)),
        ("a category beyond the last", lambda m: m.category_of.__setitem__(0, 2)),
        ("a product twice", lambda m: object.__setattr__(m, "products", (m.products[0],) * 3)),
        ("a child before its parent", lambda m: object.__setattr__(m, "parents", (1, -1))),
        ("a strength of nothing", lambda m: object.__setattr__(m, "strengths", (0.0,))),
        ("too few rows", lambda m: object.__setattr__(m, "popular", Ranked.of([[(0, 1.0)]]))),
    ],
)
def test_what_does_not_fit_together_is_refused_though_its_checksum_is_right(what: str, change) -> None:
    content = a_model()
    change(content)
    with pytest.raises(BrokenModel, match="do not fit together"):
        decode(encode(content))


@pytest.mark.parametrize("plain", [b"", b"\xff\xff\xff\xff", b"\x02\x00\x00\x00{}", b"\x04\x00\x00\x00null"])
def test_other_things_are_refused(plain: bytes) -> None:
    with pytest.raises(BrokenModel, match="do not fit together"):
        decode(forged(plain))


def test_a_model_of_another_format_says_what_to_do() -> None:
    stored = bytearray(encode(a_model()))
    stored[len(artefact.MAGIC)] = artefact.FORMAT + 1
    with pytest.raises(BrokenModel, match=r"expected format 1, found 2: train a model with this version"):
        decode(bytes(stored))


def test_one_that_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = encode(a_model())
    monkeypatch.setattr(artefact, "MOST_BYTES", 100)
    with pytest.raises(BrokenModel, match="at most 100 bytes"):
        decode(stored)
