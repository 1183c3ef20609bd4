"""Card numbers are found wherever they hide, and little else is taken for one."""

import json
import random
import uuid

import httpx
import pytest
from fastapi import APIRouter
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from shop_chassis.pan import contains_card_number, no_card_numbers, passes_luhn
from shop_chassis.service import Service, create_app
from shop_chassis.settings import Settings

# Published by card schemes and gateways for tests.
NUMBERS = [
    "4242424242424242",
    "4111111111111111",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "30569309025904",
    "6011111111111117",
    "4222222222222",
    "6304000000000000000",
]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("form", ["{}", '{{"note": "card {} please"}}', "12 {} 34", "[1,{},2]", "x{}y"])
def test_a_number_is_found_in_any_text(number: str, form: str) -> None:
    assert contains_card_number(form.format(number))


@pytest.mark.parametrize("separator", [" ", "-"])
def test_a_number_in_groups_is_found(separator: str) -> None:
    assert contains_card_number(separator.join(["4242"] * 4))
    assert contains_card_number(
        f"call 0151 2345{separator}" + separator.join(["4242"] * 4) + f"{separator}12/30"
    )


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424241",  # Luhn
        "424242424242",  # too short
        "42424242424242424242424242",  # too long to be one
        "1763736000008",  # milliseconds, and right by Luhn
        "4242,4242,4242,4242",
        "",
    ],
)
def test_other_digits_are_left_alone(text: str) -> None:
    assert not contains_card_number(text)


def test_ids_are_no_card_numbers() -> None:
    chance = random.Random(1)
    for _ in range(200):
        digits = "".join(chance.choices("0123456789", k=32))
        id = uuid.UUID(digits)
        assert not contains_card_number(f'{{"order": "{id}", "again": "{id}"}}')


def test_ids_without_dashes_are_no_card_numbers() -> None:
    id = f"0192f3a4b5c6d7ef{NUMBERS[0]}"
    assert uuid.UUID(id).hex == id
    assert not contains_card_number(f"/v1/charges/ch_{id}/refunds?charge={id}")
    assert contains_card_number(f"/v1/charges/ch_0{id}/refunds")  # 33 digits are no id


@settings(deadline=None)
@given(st.from_regex(r"[2-6][0-9]{11,17}", fullmatch=True))
def test_exactly_one_check_digit_is_right(digits: str) -> None:
    assert sum(passes_luhn(digits + check) for check in "0123456789") == 1
    assert sum(contains_card_number(digits + check) for check in "0123456789") == 1


def test_a_long_body_of_digits_takes_linear_time() -> None:
    assert not contains_card_number("1 " * 50_000 + "1000 " * 50_000)


class Note(BaseModel):
    text: str


@pytest.fixture
def http() -> httpx.AsyncClient:
    router = APIRouter(dependencies=[no_card_numbers()])

    @router.post("/notes/{name}")
    async def take(name: str, note: Note) -> Note:
        return note

    app = create_app(Service("notes", routers=[router]), Settings(log_access=False))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://notes")


ESCAPED = '{"text": "' + "".join(f"\\u{ord(digit):04x}" for digit in NUMBERS[0]) + '"}'


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/notes/a", json.dumps({"text": NUMBERS[0]})),
        ("/notes/a", json.dumps({"unknown": [NUMBERS[0]]})),
        ("/notes/a", ESCAPED),
        ("/notes/a?card=4242%204242%204242%204242", json.dumps({"text": "x"})),
        (f"/notes/{NUMBERS[0]}", json.dumps({"text": "x"})),
    ],
)
async def test_a_request_with_a_number_is_refused_without_repeating_it(
    http: httpx.AsyncClient, path: str, content: str
) -> None:
    answer = await http.post(path, content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (422, "card-number")
    assert "4242" not in answer.text


async def test_other_requests_pass(http: httpx.AsyncClient) -> None:
    body = {"text": f"order {uuid.uuid4()} of 2026-11-21"}
    assert (await http.post("/notes/a", json=body)).json() == body
