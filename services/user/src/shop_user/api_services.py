"""Routes of other services: by service identity, and introspection also by a scope."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from shop_chassis.auth import InvalidToken, KeysUnavailable, Verifier, require
from shop_chassis.identity import internal
from shop_chassis.problems import Problem, documented
from shop_chassis.runtime import provided
from shop_contracts.user import api

from shop_user.dependencies import ProfilesDep, SessionsDep
from shop_user.ids import uuid_or_none

INTROSPECT = "user:introspect"
CALLERS = ("order-taking", "notification", "notification-worker", "payment")
"""Those that deal with an account's owner."""

router = APIRouter(tags=["services"], responses=documented(401, 403, 503))
Tokens = Annotated[Verifier, provided(Verifier)]


@router.get("/internal/users/{id}", dependencies=[internal(*CALLERS)], responses=documented(404))
async def read_user(profiles: ProfilesDep, id: UUID) -> api.User:
    """Whom an order or a message is for."""
    return await profiles.for_services(id)


@router.post("/internal/introspect", dependencies=[internal("storefront", *CALLERS)])
async def introspect_for_service(
    verifier: Tokens, sessions: SessionsDep, question: api.TokenQuestion
) -> api.TokenState:
    """As `/introspect`, for services."""
    return await _state(verifier, sessions, question.token)


@router.post("/introspect", dependencies=[require(INTROSPECT)])
async def introspect(verifier: Tokens, sessions: SessionsDep, question: api.TokenQuestion) -> api.TokenState:
    """Whether an access token holds right now, its session included (RFC 7662; the question is JSON)."""
    return await _state(verifier, sessions, question.token)


async def _state(verifier: Verifier, sessions: SessionsDep, token: str) -> api.TokenState:
    try:
        principal = await verifier.verify(token)
    except InvalidToken:
        return api.TokenState(active=False)
    except KeysUnavailable as error:
        raise Problem(503, "tokens cannot be checked right now", headers={"Retry-After": "10"}) from error
    session = uuid_or_none(principal.session)
    if principal.session is not None and (
        session is None or not await sessions.goes_on(session, principal.subject)
    ):
        return api.TokenState(active=False)
    return api.TokenState(
        active=True,
        sub=principal.subject,
        scope=" ".join(sorted(principal.scopes)),
        sid=session,
        iat=principal.issued,
        exp=principal.expires,
    )
