"""Getting in and out: sign-in, registration, the links of mails, sign-out."""

from fastapi import Response
from pydantic import ValidationError
from shop_chassis.client import CallRefused, NotAllowed, ServerError
from shop_contracts.user.api import Login, Registration, Reset, ResetRequest, Verification

from shop_storefront.near import user
from shop_storefront.near.orders import locale_of
from shop_storefront.pages import pages
from shop_storefront.visit import Visit, VisitDep

router = pages()


@router.get("/sign-in")
async def show_sign_in(visit: VisitDep) -> Response:
    """Who is in already goes on."""
    if visit.session.signed_in:
        return visit.to(visit.next("/account"))
    return await visit.page("pages/entry/sign-in.html", form=visit.form, next=visit.next("/account"))


@router.post("/sign-in")
async def sign_in(visit: VisitDep) -> Response:
    """With e-mail and password; goes on to where somebody wanted to go."""
    form, _ = visit.form, visit.say
    login = form.into(Login)
    if login is not None:
        try:
            await user.sign_in(visit, login)
        except NotAllowed as error:
            otherwise = _("E-mail or password is wrong, or the address is not confirmed yet.")
            form.refused("", error, otherwise)
        except ServerError as error:
            if (said := user.too_often(visit, error)) is None:
                raise
            form.wrong("", said)
        else:
            return visit.to(visit.next("/account"))
    return await visit.page("pages/entry/sign-in.html", status=422, form=form, next=visit.next("/account"))


@router.post("/sign-out")
async def sign_out(visit: VisitDep) -> Response:
    """Whoever it was is nobody again, under another cookie."""
    await user.sign_out(visit)
    await visit.notice(visit.say("You are signed out."), "info")
    return visit.to("/")


@router.get("/register")
async def show_registration(visit: VisitDep) -> Response:
    """An account is asked for; what follows comes by mail."""
    return await visit.page("pages/entry/register.html", form=visit.form)


@router.post("/register")
async def register(visit: VisitDep) -> Response:
    """The answer is the same whether there is such an account or not."""
    form = visit.form
    wanted = form.into(Registration, locale=locale_of(visit))
    if wanted is not None and await _accepted(visit, "/register", wanted, "password"):
        return await visit.page("pages/entry/mail-sent.html", email=wanted.email, what="register")
    return await visit.page("pages/entry/register.html", status=422, form=form)


@router.get("/verify")
async def show_verification(visit: VisitDep) -> Response:
    """A page with a button: programs that look at mails follow links, and a token is good for one use."""
    return await visit.page(
        "pages/entry/verify.html", form=visit.form, token=visit.request.query_params.get("token", "")
    )


@router.post("/verify")
async def verify(visit: VisitDep) -> Response:
    """Confirms the address of a registration."""
    form, _ = visit.form, visit.say
    try:
        given = Verification(token=form.get("token"))
    except ValidationError:
        form.wrong("", _("This link is not complete. Copy all of it from the mail."))
    else:
        if await _accepted(visit, "/verify", given, ""):
            await visit.notice(_("Your address is confirmed. Welcome! Sign in to go on."))
            return visit.to("/sign-in")
    return await visit.page("pages/entry/verify.html", status=422, form=form, token=form.get("token"))


@router.get("/reset")
async def show_reset(visit: VisitDep) -> Response:
    """Without a token: asks for the mail. With that of the mail: asks for the new password."""
    if token := visit.request.query_params.get("token"):
        return await visit.page("pages/entry/new-password.html", form=visit.form, token=token)
    return await visit.page("pages/entry/reset.html", form=visit.form)


@router.post("/reset")
async def ask_reset(visit: VisitDep) -> Response:
    """A mail, if there is an account; the answer is the same in any case."""
    wanted = visit.form.into(ResetRequest)
    if wanted is not None and await _accepted(visit, "/password-reset", wanted, "email"):
        return await visit.page("pages/entry/mail-sent.html", email=wanted.email, what="reset")
    return await visit.page("pages/entry/reset.html", status=422, form=visit.form)


@router.post("/reset/confirm")
async def confirm_reset(visit: VisitDep) -> Response:
    """Sets another password; all sessions end."""
    form, _ = visit.form, visit.say
    wanted = form.into(Reset)
    if "token" in form.errors:
        form.errors = {"": _("This link is not complete. Copy all of it from the mail.")}
    if wanted is not None and await _accepted(visit, "/password-reset:confirm", wanted, "password"):
        if visit.session.signed_in:  # its tokens are worth nothing any more
            await visit.sign_out()
        await visit.notice(_("Your password is changed. Sign in with the new one."))
        return visit.to("/sign-in")
    return await visit.page("pages/entry/new-password.html", status=422, form=form, token=form.get("token"))


async def _accepted(
    visit: Visit, route: str, body: Registration | Verification | ResetRequest | Reset, field: str
) -> bool:
    """Whether user took it; else the form says why not: at `field` a weak password."""
    form = visit.form
    try:
        await visit.site.near.user.send("POST", route, body=body, headers=await visit.headers())
    except NotAllowed:
        raise
    except CallRefused as error:
        weak = error.problem.get("type") == "weak-password"
        form.refused(
            field if weak else "", error, visit.say("That did not work. Look at what you entered, please.")
        )
        return False
    except ServerError as error:
        if (said := user.too_often(visit, error)) is None:
            raise
        form.wrong("", said)
        return False
    return True
