"""The account: profile, password, sessions, language, messages, the person's data."""

from asyncio import gather
from contextlib import suppress
from typing import Any
from uuid import UUID

from babel import Locale as Babel
from fastapi import Response
from shop_chassis.client import CallRefused, Conflict, NotAllowed, NotFound, ServerError
from shop_contracts.notification.api import Channels, Kinds
from shop_contracts.notification.api import Preferences as Wishes
from shop_contracts.order_processing.api import OrderPage
from shop_contracts.user.api import PasswordChange, Preferences, Profile, ProfileChanges, Sessions

from shop_storefront.near import user
from shop_storefront.near.user import Tagged, match, tagged
from shop_storefront.pages import pages
from shop_storefront.visit import Visit, VisitDep

router = pages()

LOCALES = ("en-GB", "en-IE", "en-US", "de-DE", "de-AT", "de-CH")
"""That can be chosen: mails are written in them, pages where there are texts."""
CHANNELS = ("email", "inbox", "sms", "push")
KINDS = ("order", "price_drop", "promotion")
_LATEST = 3


@router.get("/account")
async def read_account(visit: VisitDep) -> Response:
    """Who it is, their last orders, and where they are signed in."""
    return await _account(visit)


@router.post("/account/profile")
async def change_profile(visit: VisitDep) -> Response:
    """The name."""
    headers, _ = await visit.user(), visit.say
    # A name that was left empty is no name; the form leaves empty fields out.
    changes = visit.form.into(ProfileChanges, name=visit.form.get("name"))
    if changes is None:
        return await _account(visit, status=422)
    try:
        profile = await visit.site.near.user.call(
            "PATCH", "/me", body=changes, headers=headers | match(visit.form), into=Profile
        )
    except Conflict:
        visit.form.wrong("", _("It was changed elsewhere meanwhile. This is how it is now."))
        visit.form.values.clear()
        return await _account(visit, status=409)
    except CallRefused as error:
        if isinstance(error, NotAllowed):
            raise
        visit.form.refused("name", error, _("This name cannot be kept."))
        return await _account(visit, status=422)
    name = profile.name or profile.email
    await visit.change(lambda session: session.model_copy(update={"name": name}))
    await visit.notice(_("Saved."))
    return visit.to("/account")


@router.post("/account/password")
async def change_password(visit: VisitDep) -> Response:
    """Another password; the other sessions end."""
    headers, form, _ = await visit.user(), visit.form, visit.say
    change = form.into(PasswordChange)
    if change is None:
        return await _account(visit, status=422)
    try:
        await visit.site.near.user.send("POST", "/me/password", body=change, headers=headers)
    except NotAllowed as error:
        if error.status == 401:
            raise
        form.wrong("current", _("This is not your present password."))
    except CallRefused as error:
        form.refused("new", error, _("Please choose another one."))
    except ServerError as error:
        if (said := user.too_often(visit, error)) is None:
            raise
        form.wrong("", said)
    else:
        await visit.notice(_("Your password is changed, and other devices are signed out."))
        return visit.to("/account")
    return await _account(visit, status=422)


@router.post("/account/sessions/{id}/end")
async def end_session(visit: VisitDep, id: UUID) -> Response:
    """Signs one device out. One that is out already is no error."""
    headers = await visit.user()
    with suppress(NotFound):
        await visit.site.near.user.send("DELETE", "/me/sessions/{id}", path={"id": id}, headers=headers)
    await visit.notice(visit.say("That device is signed out."))
    return visit.to("/account")


@router.post("/account/sessions/end")
async def end_sessions(visit: VisitDep) -> Response:
    """Signs out everywhere, here too."""
    await visit.site.near.user.send("DELETE", "/me/sessions", headers=await visit.user())
    await visit.sign_out()
    await visit.notice(visit.say("You are signed out everywhere."), "info")
    return visit.to("/sign-in")


async def _account(visit: Visit, *, status: int = 200) -> Response:
    headers = await visit.user()
    near, parts = visit.site.near, visit.site.parts
    profile, sessions, orders = await gather(
        tagged(near.user, "/me", Profile, headers),
        parts.ask("sessions", near.user.call("GET", "/me/sessions", headers=headers, into=Sessions)),
        parts.ask(
            "latest orders",
            near.order_processing.call(
                "GET", "/orders", params={"limit": _LATEST}, headers=headers, into=OrderPage
            ),
        ),
    )
    visit.form.fill(name=profile.value.name, etag=profile.etag)
    return await visit.page(
        "pages/account/profile.html",
        status=status,
        form=visit.form,
        profile=profile.value,
        sessions=sessions.value,
        orders=orders.value,
    )


# -- language


@router.get("/account/preferences")
async def read_preferences(visit: VisitDep) -> Response:
    """In what language and form things are said."""
    return await _preferences(visit, await _chosen(visit))


@router.post("/account/preferences")
async def set_preferences(visit: VisitDep) -> Response:
    """All others of the account's preferences stay as they are."""
    headers, _ = await visit.user(), visit.say
    before = await _chosen(visit)
    wanted = visit.form.into(Preferences, **before.value.model_dump(exclude={"locale"}))
    if wanted is None:
        return await _preferences(visit, before, status=422)
    try:
        await visit.site.near.user.send(
            "PUT", "/me/preferences", body=wanted, headers=headers | match(visit.form)
        )
    except Conflict:
        visit.form.wrong("", _("It was changed elsewhere meanwhile. This is how it is now."))
        visit.form.values.clear()
        return await _preferences(visit, await _chosen(visit), status=409)
    await visit.site.parts.ask("message language", _write_in(visit, wanted.locale), within=2.0)
    await visit.change(lambda session: session.model_copy(update={"locale": wanted.locale}))
    await visit.notice(_("Saved."))
    return visit.to("/account/preferences")


async def _chosen(visit: Visit) -> Tagged[Preferences]:
    return await tagged(visit.site.near.user, "/me/preferences", Preferences, await visit.user())


async def _write_in(visit: Visit, locale: str) -> None:
    """Messages have a language of their own once somebody has set anything at notification."""
    before = await _wishes(visit)
    # All of it is said again: what a body leaves out goes back to its default.
    wanted = Wishes.model_validate(before.value.model_dump() | {"locale": locale})
    await visit.site.near.notification.send(
        "PUT", "/preferences", body=wanted, headers=await visit.user() | {"If-Match": before.etag}
    )


async def _preferences(visit: Visit, before: Tagged[Preferences], *, status: int = 200) -> Response:
    visit.form.fill(locale=before.value.locale, etag=before.etag)
    offered = dict.fromkeys((*LOCALES, before.value.locale))
    return await visit.page(
        "pages/account/preferences.html",
        status=status,
        form=visit.form,
        locales=[(each, Babel.parse(each, sep="-").get_display_name() or each) for each in offered],
    )


# -- messages


@router.get("/account/notifications")
async def read_notifications(visit: VisitDep) -> Response:
    """What somebody wants to hear of, where and when."""
    return await _notifications(visit, await _wishes(visit))


@router.post("/account/notifications")
async def set_notifications(visit: VisitDep) -> Response:
    """All of it at once."""
    headers, form, _ = await visit.user(), visit.form, visit.say
    before = await _wishes(visit)
    ticked = {
        channel: Kinds.model_validate({kind: f"{channel}.{kind}" in form.values for kind in KINDS})
        for channel in CHANNELS
    }
    given: dict[str, Any] = {"channels": Channels.model_validate(ticked), "locale": before.value.locale}
    if before.value.push_endpoint is not None:
        given["push_endpoint"] = before.value.push_endpoint
    if "quiet" not in form.values:
        given["quiet_hours"] = None
    wanted = form.into(Wishes, **given)
    if wanted is None:
        return await _notifications(visit, before, ticked=Channels.model_validate(ticked), status=422)
    try:
        await visit.site.near.notification.send(
            "PUT", "/preferences", body=wanted, headers=headers | match(form)
        )
    except Conflict:
        form.wrong("", _("It was changed elsewhere meanwhile. This is how it is now."))
        form.values.clear()
        return await _notifications(visit, await _wishes(visit), status=409)
    await visit.notice(_("Saved."))
    return visit.to("/account/notifications")


async def _wishes(visit: Visit) -> Tagged[Wishes]:
    return await tagged(visit.site.near.notification, "/preferences", Wishes, await visit.user())


async def _notifications(
    visit: Visit, before: Tagged[Wishes], *, ticked: Channels | None = None, status: int = 200
) -> Response:
    wishes, form = before.value, visit.form
    quiet = wishes.quiet_hours
    if ticked is None:
        form.fill(digest=wishes.digest, phone=wishes.phone)
        if quiet is not None:
            form.values["quiet"] = "on"
    form.fill(
        quiet_hours__from=quiet.begin if quiet else "22:00",
        quiet_hours__to=quiet.to if quiet else "07:00",
        quiet_hours__timezone=quiet.timezone if quiet else "Europe/Berlin",
    )
    form.fill(etag=before.etag)
    channels = ticked or wishes.channels
    return await visit.page(
        "pages/account/notifications.html",
        status=status,
        form=form,
        channels=[(channel, getattr(channels, channel)) for channel in CHANNELS],
        kinds=KINDS,
        has_device=wishes.push_endpoint is not None,
    )


# -- the person's data


@router.get("/account/data")
async def read_data(visit: VisitDep) -> Response:
    """What can be had and erased."""
    await visit.user()
    return await visit.page("pages/account/data.html", form=visit.form)


@router.get("/account/data.json")
async def export_data(visit: VisitDep) -> Response:
    """Everything that the shop holds about who asks, to be kept as a file."""
    answer = await visit.site.near.user.send("GET", "/me/export", headers=await visit.user())
    headers = {
        "Content-Disposition": 'attachment; filename="my-data.json"',
        "Cache-Control": "no-store",
    }
    return Response(answer.content, media_type="application/json", headers=headers)


@router.post("/account/erase")
async def erase(visit: VisitDep) -> Response:
    """The account and what belongs to it, once somebody has written its address: there is no way back."""
    headers, form, _ = await visit.user(), visit.form, visit.say
    profile = await visit.site.near.user.call("GET", "/me", headers=headers, into=Profile)
    if form.get("email").casefold() != profile.email.casefold():
        form.wrong("email", _("Write the address of your account, so that this does not happen by accident."))
        return await visit.page("pages/account/data.html", status=422, form=form)
    await visit.site.near.user.send("DELETE", "/me", headers=headers)
    await visit.sign_out()
    await visit.notice(
        _("Your account is erased. What the law has us keep of orders names you no more."), "info"
    )
    return visit.to("/")
