"""The account, by its pages."""

from collections.abc import AsyncIterator

import pytest
from shop.local.addresses import Addresses

from .conftest import Browser, Opens
from .people import PASSWORD, Person, is_in, new_person

ADDRESS = {
    "address.name": "Bo Example",
    "address.line1": "Lindenallee 12",
    "address.city": "Berlin",
    "address.postal_code": "10115",
    "address.country": "DE",
}
PRIVATE = (
    "/account",
    "/account/addresses",
    "/account/addresses/new",
    "/account/payment-methods",
    "/account/preferences",
    "/account/notifications",
    "/account/data",
    "/account/data.json",
    "/orders",
    "/wishlists",
    "/inbox",
)


@pytest.fixture
async def person(neighbours: Addresses) -> Person:
    return await new_person(neighbours)


@pytest.fixture
async def browser(storefront: Opens, person: Person) -> AsyncIterator[Browser]:
    async with storefront() as opened:
        yield await is_in(opened, person)


async def test_what_is_somebodys_asks_who_it_is_and_comes_back(storefront_alone: Opens) -> None:
    async with storefront_alone() as browser:
        for path in PRIVATE:
            answer = await browser.open(path)
            assert (answer.url.path, answer.url.params["next"]) == ("/sign-in", path)


async def test_no_page_of_somebodys_has_script_or_style_in_it(browser: Browser) -> None:
    for path in PRIVATE:
        answer = await browser.open(path)
        assert answer.status_code == 200, path
        assert browser.page.inline == [], path
        if not path.endswith(".json"):
            assert "unsafe" not in answer.headers["Content-Security-Policy"], path
            assert answer.headers["Cache-Control"] == "private, no-cache", path


async def test_the_name_is_changed_and_not_over_a_later_change(browser: Browser) -> None:
    await browser.open("/account")
    stale = browser.page.form("/account/profile")
    await browser.send("/account/profile", name="Bo Other")
    assert "Hello, Bo Other" in browser.page.text
    answer = await browser.http.post("/account/profile", data={**stale, "name": "Third"})
    assert answer.status_code == 409
    assert "Hello, Bo Other" in answer.text


async def test_the_password_is_changed_by_who_knows_it(browser: Browser) -> None:
    await browser.open("/account")
    answer = await browser.send("/account/password", current="wrong", new="another horse battery")
    assert answer.status_code == 422
    assert "This is not your present password." in browser.page.text
    await browser.send("/account/password", current=PASSWORD, new="another horse battery")
    assert "Your password is changed" in browser.page.text


async def test_signing_out_everywhere_is_signing_out_here(browser: Browser) -> None:
    await browser.open("/account")
    answer = await browser.send("/account/sessions/end")
    assert answer.url.path == "/sign-in"
    assert "signed out everywhere" in browser.page.text


async def test_addresses_are_kept_changed_and_removed(browser: Browser) -> None:
    await browser.open("/account/addresses")
    assert "No addresses yet" in browser.page.text
    await browser.open("/account/addresses/new")
    form = browser.page.form("/account/addresses/new")
    answer = await browser.send("/account/addresses/new", **(ADDRESS | {"address.city": ""}))
    assert answer.status_code == 422
    assert "Please fill this in." in browser.page.text
    for _twice in range(2):  # the form has an id: sent again it is the same entry
        answer = await browser.http.post("/account/addresses/new", data={**form, **ADDRESS, "label": "home"})
    await browser.open("/account/addresses")
    links = [link for link in browser.page.links if link.startswith("/account/addresses/0")]
    assert len(links) == 1, links

    await browser.open(links[0])
    await browser.send(links[0], label="office", default_shipping="on")
    assert "office" in browser.page.text
    assert "For deliveries" in browser.page.text
    await browser.send(f"{links[0]}/remove")
    assert "No addresses yet" in browser.page.text


async def test_a_card_number_is_kept_nowhere(browser: Browser) -> None:
    await browser.open("/account/addresses/new")
    fields = ADDRESS | {"address.line2": "4242 4242 4242 4242"}
    answer = await browser.send("/account/addresses/new", **fields)
    assert answer.status_code == 422


async def test_cards_are_kept_by_token(browser: Browser) -> None:
    await browser.open("/account/payment-methods")
    await browser.send("/account/payment-methods", token="tok_mastercard")
    assert "Mastercard ···· 4444" in browser.page.text
    remove = next(action for action, _ in browser.page.forms if action.endswith("/remove"))
    await browser.send(remove)
    assert "No cards kept" in browser.page.text
    answer = await browser.send("/account/payment-methods", token="tok_other")
    assert answer.status_code == 422


async def test_what_was_unticked_stays_unticked(browser: Browser) -> None:
    await browser.open("/account/notifications")
    form = browser.page.form("/account/notifications")
    assert form["email.order"] == "on"
    kept = {name: value for name, value in form.items() if not name.startswith("email.")}
    fields = {"quiet": "on", "quiet_hours.from": "21:30", "quiet_hours.to": "08:00", "digest": "daily"}
    answer = await browser.http.post("/account/notifications", data={**kept, **fields, "sms.order": "on"})
    assert answer.status_code == 200, answer.text
    await browser.open("/account/notifications")
    form = browser.page.form("/account/notifications")
    assert [name for name in form if name.startswith(("email.", "sms."))] == ["sms.order"]
    assert (form["quiet"], form["quiet_hours.from"], form["digest"]) == ("on", "21:30", "daily")


async def test_a_number_that_is_none_is_said_at_its_field(browser: Browser) -> None:
    await browser.open("/account/notifications")
    answer = await browser.send("/account/notifications", phone="call me")
    assert answer.status_code == 422
    assert 'id="f-phone-wrong"' in answer.text


async def test_the_language_is_that_of_pages_from_now_on(browser: Browser) -> None:
    await browser.open("/account/preferences")
    await browser.send("/account/preferences", locale="en-US")
    assert browser.page.form("/account/preferences")["locale"] == "en-US"
    assert "Saved." in browser.page.text


async def test_everything_known_of_somebody_is_a_file(browser: Browser, person: Person) -> None:
    answer = await browser.open("/account/data.json")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["subject"] == person.session.subject
    assert person.email in answer.text


async def test_an_account_is_erased_by_who_means_it(browser: Browser, person: Person) -> None:
    await browser.open("/account/data")
    answer = await browser.send("/account/erase", email="other@example.com")
    assert answer.status_code == 422
    await browser.send("/account/erase", email=person.email.upper())
    assert "Your account is erased" in browser.page.text
    await browser.open("/sign-in")
    answer = await browser.send("/sign-in", email=person.email, password=PASSWORD)
    assert answer.status_code == 422
