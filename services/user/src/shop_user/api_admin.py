"""Routes of administrators: everything needs the scope `user:admin`."""

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from shop_chassis.auth import require
from shop_chassis.etags import IfMatch, check_match, etag
from shop_chassis.paging import After, Limit
from shop_chassis.problems import documented
from shop_contracts.user import api

from shop_user.dependencies import Admin, ProfilesDep, private
from shop_user.profiles import ADMIN

router = APIRouter(
    prefix="/admin/users",
    tags=["admin"],
    dependencies=[Depends(private), require(ADMIN)],
    responses=documented(401, 403, 503),
)


@router.get("")
async def list_users(
    profiles: ProfilesDep,
    email: Annotated[api.Email | None, Query(description="The account of this address")] = None,
    state: api.AccountState | None = None,
    limit: Limit = 20,
    after: After = None,
) -> api.AdminUserPage:
    """Accounts, newest first."""
    return await profiles.page(email=email, state=state, limit=limit, after=after)


@router.get("/{id}", responses=documented(404))
async def read_user(profiles: ProfilesDep, id: UUID, response: Response) -> api.AdminUser:
    """One account."""
    return _tagged(response, await profiles.admin_user(id))


@router.post("/{id}:lock", responses=documented(404, 409))
async def lock_user(
    profiles: ProfilesDep, admin: Admin, id: UUID, lock: api.Lock, response: Response
) -> api.AdminUser:
    """Nobody signs in to it any more, and its sessions end. Repeating it keeps the first reason."""
    return _tagged(response, await profiles.lock_out(id, lock.reason, by=admin.subject))


@router.post("/{id}:unlock", responses=documented(404))
async def unlock_user(profiles: ProfilesDep, id: UUID, response: Response) -> api.AdminUser:
    """Its owner can sign in again."""
    return _tagged(response, await profiles.unlock(id))


@router.delete("/{id}/sessions", status_code=204, responses=documented(404))
async def end_user_sessions(profiles: ProfilesDep, id: UUID) -> None:
    """Its owner has to sign in again, everywhere."""
    await profiles.end_sessions(id)


@router.put("/{id}/scopes", responses=documented(404, 409, 412, 428))
async def grant_scopes(
    profiles: ProfilesDep,
    admin: Admin,
    id: UUID,
    wanted: api.Scopes,
    response: Response,
    if_match: IfMatch = None,
) -> api.AdminUser:
    """What the account may do besides shopping. Tokens from before are refused; a refresh gives others."""
    changed = await profiles.grant(id, wanted.scopes, partial(check_match, if_match), by=admin.subject)
    return _tagged(response, changed)


def _tagged(response: Response, user: api.AdminUser) -> api.AdminUser:
    response.headers["ETag"] = etag(user.version)
    return user
