"""Routes by which somebody gets in: registration, login, tokens. They need no token themselves."""

from fastapi import APIRouter, Depends, Request, Response
from shop_chassis.limits import address
from shop_chassis.problems import documented
from shop_contracts.user import api

from shop_user.dependencies import AccountsDep, IssuerDep, SessionsDep, no_card_number_in, private, slowed

router = APIRouter(
    tags=["sign in"], dependencies=[Depends(slowed), Depends(private)], responses=documented(429, 503)
)
keys = APIRouter(tags=["tokens"], responses=documented(503))

ON_ITS_WAY = api.Accepted(detail="a mail is on its way to that address")


@router.post("/register", status_code=202)
async def register(accounts: AccountsDep, wanted: api.Registration) -> api.Accepted:
    """Asks for an account; the address gets a mail. The same answer whether it has an account or not."""
    no_card_number_in([wanted.name])
    await accounts.register(wanted)
    return ON_ITS_WAY


@router.post("/verify", status_code=204)
async def verify(accounts: AccountsDep, given: api.Verification) -> None:
    """Confirms the address: there is an account now."""
    await accounts.verify(given.token)


@router.post("/login", responses=documented(401, 403))
async def login(accounts: AccountsDep, issuer: IssuerDep, given: api.Login, request: Request) -> api.Tokens:
    """Signs in. After some failures the next try is looked at later and later (`Retry-After`)."""
    issuer.ready()
    return await accounts.login(given.email, given.password, await address(request))


@router.post("/refresh", responses=documented(401))
async def refresh(sessions: SessionsDep, given: api.Refresh) -> api.Tokens:
    """The next tokens. A refresh token that was used before ends its session: one of two users is a thief."""
    return await sessions.refresh(given.refresh_token)


@router.post("/logout", status_code=204)
async def logout(sessions: SessionsDep, given: api.Refresh) -> None:
    """Ends the session; within seconds its access tokens are refused too. Repeating it is no error."""
    await sessions.logout(given.refresh_token)


@router.post("/password-reset", status_code=202)
async def ask_reset(accounts: AccountsDep, given: api.ResetRequest) -> api.Accepted:
    """Asks for a mail with a token. The same answer whether the address has an account or not."""
    await accounts.ask_reset(given.email)
    return ON_ITS_WAY


@router.post("/password-reset:confirm", status_code=204)
async def confirm_reset(accounts: AccountsDep, given: api.Reset) -> None:
    """Sets another password with that token, and ends all sessions."""
    await accounts.reset(given.token, given.password)


@router.post("/guests", status_code=201)
async def create_guest(accounts: AccountsDep) -> api.Tokens:
    """Tokens for somebody without an account, to buy something."""
    return await accounts.guest()


@keys.get("/.well-known/jwks.json")
async def read_keys(issuer: IssuerDep) -> Response:
    """The public keys of access tokens (RFC 7517)."""
    return Response(
        issuer.jwks, media_type="application/json", headers={"Cache-Control": "public, max-age=300"}
    )
