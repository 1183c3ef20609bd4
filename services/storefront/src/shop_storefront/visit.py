"""A request of a browser: who it is, in what language, and what a handler answers it with."""

from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

import structlog
from babel import Locale
from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup
from shop_chassis.cache import CacheUnavailable
from shop_contracts.recommendation.api import VISITOR
from shop_contracts.user.api import Tokens

from shop_storefront import csrf, i18n
from shop_storefront.forms import Form
from shop_storefront.redirects import safe_path
from shop_storefront.sessions import Change, Session, is_id, new_id, visitor_of
from shop_storefront.site import Site
from shop_storefront.tokens import with_tokens

log = structlog.get_logger(__name__)

LOCALE_COOKIE = "locale"
YEAR = 365 * 86400


class SignInNeeded(Exception):  # noqa: N818 - named for what it says
    """The page is for people with an account: they are asked to sign in, and come back."""


class Visit:
    """Made for each request of a page; handlers take it as `visit: VisitDep`."""

    form: Form
    """Of a POST."""

    def __init__(self, site: Site, request: Request, id: str, session: Session, *, known: bool) -> None:
        self.site = site
        self.request = request
        self.id = id
        self.session = session
        self.known = known
        """Whether the browser sent our cookie, so that it keeps them."""
        self.form = Form()
        self._sent_id = id if known else None

    @classmethod
    async def begin(cls, site: Site, request: Request) -> "Visit":
        """Finds the session. While none can be read everybody is nobody, and pages come all the same."""
        id = request.cookies.get(cookie_name(site), "")
        if not is_id(id):
            id = new_id()
            return cls(site, request, id, Session(visitor=visitor_of(id)), known=False)
        try:
            session = await site.sessions.load(id)
        except CacheUnavailable as error:
            log.error("sessions cannot be read", error=str(error))
            session = None
        return cls(site, request, id, session or Session(visitor=visitor_of(id)), known=True)

    # -- who

    @cached_property
    def locale(self) -> Locale:
        """Of preferences, cookie, browser, in this order."""
        chosen = self.session.locale or self.request.cookies.get(LOCALE_COOKIE)
        header = self.request.headers.get("Accept-Language", "")
        return i18n.negotiate(chosen, header, self.site.settings.default_locale)

    def say(self, text: str) -> str:
        """The text in the visitor's language, for handlers: `_ = visit.say`."""
        return i18n.translations(self.locale.language).gettext(text)

    @cached_property
    def csrf(self) -> str:
        """For the forms of the page."""
        return csrf.token(self.id)

    @property
    def partial(self) -> bool:
        """Whether htmx asks for a part of a page, to be put into the one that is shown."""
        headers = self.request.headers
        return headers.get("HX-Request") == "true" and headers.get("HX-History-Restore-Request") != "true"

    @property
    def here(self) -> str:
        """Path and query of this request; for `next`."""
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")

    # -- tokens

    async def token(self) -> str | None:
        """The access token of user or guest; None: has none. Raises CalleeUnavailable, CacheUnavailable."""
        if not self.session.refresh_token:
            return None
        self.session = await self.site.renewal.renewed(self.id, self.session)
        return self.session.access_token or None

    async def headers(self) -> dict[str, str]:
        """For calls in the visitor's name: `headers=await visit.headers()`. Raises as `token`."""
        return self._named(await self.token())

    def _named(self, token: str | None) -> dict[str, str]:
        headers = {"X-Forwarded-For": self.forwarded_for, VISITOR: self.session.visitor}
        return headers | ({"Authorization": f"Bearer {token}"} if token else {})

    async def user(self) -> dict[str, str]:
        """As `headers`, for pages of people with an account. Raises SignInNeeded."""
        headers = await self.headers()
        if not self.session.signed_in:
            raise SignInNeeded
        return headers

    async def customer(self) -> dict[str, str]:
        """As `user`, but a guest who ordered something will do. Raises SignInNeeded."""
        headers = await self.headers()
        if self.session.subject is None:
            raise SignInNeeded
        return headers

    async def guest(self) -> dict[str, str] | None:
        """As `headers`, in the name of the guest that the visitor was before signing in; None: of nobody.
        Raises as `token`.
        """
        id = self.session.guest
        session = await self.site.sessions.load(id) if id else None
        if id is None or session is None:
            return None
        session = await self.site.renewal.renewed(id, session)
        return self._named(session.access_token) if session.access_token else None

    async def shopper(self) -> dict[str, str]:
        """As `headers`; a visitor without tokens gets a guest's. Raises as `token`."""
        if await self.token() is None:
            tokens = await self.site.renewal.guest()
            await self.change(lambda session: with_tokens(session, tokens))
        return await self.headers()

    @property
    def forwarded_for(self) -> str:
        """Where the request comes from, as services behind this one are told."""
        before = self.request.headers.get("X-Forwarded-For") if self.site.settings.trusted_proxies else None
        client = self.request.client.host if self.request.client else "unknown"
        return f"{before}, {client}" if before else client

    # -- the session

    async def change(self, change: Change) -> None:
        """Replaces the session by what `change` makes of it. Raises CacheUnavailable."""
        self.session = await self.site.sessions.change(self.id, change)

    async def sign_in(self, tokens: Tokens, name: str, locale: str | None = None) -> str | None:
        """Under a new cookie; returns the guest's cart of before, to be merged (`Carts.merge`).

        What a guest had entered at the checkout comes along. Their orders stay those of their own tokens,
        which are put aside: see `guest`.
        """
        before = self.session
        aside = new_id() if before.subject and not before.signed_in else None
        if aside is not None:
            await self.site.sessions.change(aside, lambda _: before.tokens_alone())

        def change(session: Session) -> Session:
            kept = Session(
                visitor=session.visitor, recent=session.recent, notices=session.notices, guest=aside
            )
            draft = {} if session.signed_in else session.checkout
            named = {"name": name, "locale": locale or session.locale, "checkout": draft}
            return with_tokens(kept.model_copy(update=named), tokens)

        new = new_id()
        self.session = await self.site.sessions.move(self.id, new, change)
        self._now_is(new)
        return before.guest_cart

    async def sign_out(self) -> None:
        """Forgets who it was, under a new cookie; the user service is told by the handler."""
        if self.session.guest is not None:
            await self.site.sessions.forget(self.session.guest)
        new = new_id()
        self.session = await self.site.sessions.move(
            self.id, new, lambda session: Session(visitor=visitor_of(new), locale=session.locale)
        )
        self._now_is(new)

    def _now_is(self, id: str) -> None:
        self.id = id
        self.__dict__.pop("csrf", None)
        self.__dict__.pop("locale", None)

    async def notice(
        self, text: str, kind: Literal["info", "success", "warning", "error"] = "success"
    ) -> None:
        """A sentence on the next page; lost where sessions cannot be written."""
        try:
            await self.change(lambda session: session.with_notice(text, kind))
        except CacheUnavailable as error:
            log.warning("a notice is lost", error=str(error))

    # -- answers

    async def page(self, template: str, *, status: int = 200, **context: Any) -> Response:
        """A page of `templates/`, or a part of one. Known to it besides: see `templates/base.html`."""
        notices = self.session.notices
        if notices and not self.partial:
            with suppress(CacheUnavailable):  # then they are shown once more
                await self.change(lambda session: session.model_copy(update={"notices": ()}))
        tree = await self.site.catalog.tree.get(None)
        given = {"visit": self, "session": self.session, "tree": tree.value, "notices": notices, **context}
        return HTMLResponse(self.site.templates.render(template, self.locale, given), status)

    def fragment(
        self, template: str, of: tuple[object, ...], context: Callable[[], dict[str, Any]]
    ) -> Markup:
        """A piece that is the same for everybody, made anew when one of `of` is another object."""
        return self.site.fragments.get(template, self.locale, of, context)

    def to(self, path: str, **query: object) -> Response:
        """Sends the browser on, to read (303). `path` is ours; what came with a request: see `next`."""
        given = {name: value for name, value in query.items() if value is not None}
        target = f"{path}?{urlencode(given, doseq=True)}" if given else path
        if self.partial:  # a redirect would be followed and put into the page
            return Response(status_code=204, headers={"HX-Redirect": target})
        return RedirectResponse(target, 303)

    def next(self, otherwise: str = "/") -> str:
        """Where the request wants to go on (`next` in form or query), if that is in this shop."""
        return safe_path(self.form.get("next") or self.request.query_params.get("next"), otherwise)

    def viewed(self, page: str, *, product_id: UUID | None = None, category: str | None = None) -> None:
        """Tells that this page was looked at."""
        self.site.views.tell(
            page=page,
            visitor=self.session.visitor,
            subject=self.session.subject,
            product_id=product_id,
            category=category,
            user_agent=self.request.headers.get("User-Agent", ""),
        )

    def cookie(self, response: Response) -> None:
        """Sets the session's cookie where the browser has not got it; no script is ever shown it."""
        if self.id != self._sent_id:
            secure = self.site.settings.secure
            response.set_cookie(
                cookie_name(self.site), self.id, max_age=YEAR, secure=secure, httponly=True, samesite="lax"
            )


def cookie_name(site: Site) -> str:
    """`__Host-` binds it to TLS and this host alone (RFC 6265bis, section 4.1.3.2)."""
    return "__Host-shop" if site.settings.secure else "shop"


async def _visit(request: Request) -> Visit:
    visit: Visit = request.state.visit
    return visit


VisitDep = Annotated[Visit, Depends(_visit)]
"""The visit, as a parameter of a page's handler."""
