"""Tokens: which open a route, which do not, and what is answered."""

import asyncio
import hmac
import json
import time
from pathlib import Path
from typing import Annotated, Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from fastapi import APIRouter
from jwt.utils import base64url_encode
from shop_chassis import auth
from shop_chassis.auth import KeysUnavailable, Principal, Verifier, optional_user, require, require_any
from shop_chassis.service import Service
from shop_chassis.settings import Settings
from shop_chassis.signing import NotAKey, Signer
from shop_chassis.testing.clock import Clock

router = APIRouter()


@router.get("/admin")
async def admin(user: Annotated[Principal, require("catalog:admin")]) -> str:
    return user.subject


@router.get("/me")
async def me(user: Annotated[Principal | None, optional_user()]) -> str | None:
    return user.subject if user else None


@router.get("/any")
async def any_of(user: Annotated[Principal, require_any("shop", "guest")]) -> str:
    return user.subject


SERVICE = Service("auth", routers=[router])


@pytest.fixture
async def client(client_of: Any, jwks: Path) -> Any:
    async with client_of(SERVICE, Settings(auth_jwks=str(jwks))) as client:
        yield client


async def ask(client: httpx.AsyncClient, token: str | None, path: str = "/admin") -> httpx.Response:
    return await client.get(path, headers={"Authorization": f"Bearer {token}"} if token is not None else {})


async def test_a_token_with_the_scope_opens_the_route(client: httpx.AsyncClient, signer: Signer) -> None:
    answer = await ask(client, signer.token("ann", "orders:read catalog:admin"))
    assert (answer.status_code, answer.json()) == (200, "ann")


def unsigned() -> str:
    claims = {"iss": "shop", "aud": "shop", "sub": "x", "exp": 2**33, "scope": "catalog:admin"}
    return jwt.encode(claims, None, algorithm="none")


def signed_with_the_public_key(signer: Signer) -> str:
    """The attack on verifiers that let the token choose the algorithm (RFC 8725, section 2.1)."""
    claims = {"iss": "shop", "aud": "shop", "sub": "x", "exp": 2**33, "scope": "catalog:admin"}
    head = {"alg": "HS256", "typ": "JWT", "kid": signer.kid}
    signed = b".".join(base64url_encode(json.dumps(part).encode()) for part in (head, claims))
    signature = hmac.digest(signer.jwks.encode(), signed, "sha256")
    return (signed + b"." + base64url_encode(signature)).decode()


def tampered(signer: Signer) -> str:
    head, _, signature = signer.token("ann").split(".")
    _, body, _ = signer.token("ann", "catalog:admin").split(".")
    return f"{head}.{body}.{signature}"


def without_subject(signer: Signer) -> str:
    claims = {"iss": "shop", "aud": "shop", "exp": 2**33, "scope": "catalog:admin"}
    return jwt.encode(claims, signer.pem, algorithm="ES256", headers={"kid": signer.kid})


async def test_everything_else_does_not(client: httpx.AsyncClient, signer: Signer) -> None:
    other = Signer.generate()
    scope = "catalog:admin"
    refused = {
        "none at all": None,
        "empty": "",
        "no token": "abc",
        "expired": signer.token("ann", scope, seconds=-60),
        "of another issuer": signer.token("ann", scope, issuer="shop2"),
        "for another audience": signer.token("ann", scope, audience="bank"),
        "of another key": other.token("ann", scope),
        "unsigned": unsigned(),
        "signed with the public key": signed_with_the_public_key(signer),
        "tampered with": tampered(signer),
        "without a subject": without_subject(signer),
    }
    for name, token in refused.items():
        answer = await ask(client, token)
        assert answer.status_code == 401, name
        assert answer.headers["content-type"] == "application/problem+json", name
        assert answer.headers["www-authenticate"].startswith("Bearer"), name
        assert token is None or len(token) < 10 or token not in answer.text


async def test_a_token_without_the_scope_is_403(client: httpx.AsyncClient, signer: Signer) -> None:
    for scope in ("", "catalog", "catalog:administrator", "CATALOG:ADMIN"):
        answer = await ask(client, signer.token("ann", scope))
        assert answer.status_code == 403
        assert 'error="insufficient_scope", scope="catalog:admin"' in answer.headers["www-authenticate"]
        assert "lacks the scope catalog:admin" in answer.json()["detail"]


async def test_where_a_token_is_optional_a_bad_one_is_still_refused(
    client: httpx.AsyncClient, signer: Signer
) -> None:
    assert (await ask(client, None, "/me")).json() is None
    assert (await ask(client, signer.token("ann"), "/me")).json() == "ann"
    assert (await ask(client, "abc", "/me")).status_code == 401


async def test_without_keys_nobody_gets_in_and_the_answer_says_why(client_of: Any, signer: Signer) -> None:
    for source in (None, "/nowhere/jwks.json"):
        async with client_of(SERVICE, Settings(auth_jwks=source)) as client:
            answer = await ask(client, signer.token("ann", "catalog:admin"))
        assert answer.status_code == 503
        assert answer.headers["retry-after"]


async def test_a_remembered_token_ends_with_its_time(jwks: Path, signer: Signer) -> None:
    clock = Clock(time.time())
    verifier = Verifier(str(jwks), "shop", "shop", clock=clock)
    token = signer.token("ann", seconds=60)
    first = await verifier.verify(token)
    assert await verifier.verify(token) is first
    clock.now = first.expires + auth.LEEWAY
    # Not remembered any more, and then judged by the wall clock, by which it is still valid.
    assert await verifier.verify(token) is not first


async def test_new_keys_are_taken_up_and_old_ones_dropped(jwks: Path, signer: Signer) -> None:
    clock = Clock(time.time())
    verifier = Verifier(str(jwks), "shop", "shop", clock=clock)
    old_token = signer.token("ann")
    await verifier.verify(old_token)
    new = Signer.generate()
    jwks.write_text(new.jwks)
    with pytest.raises(auth.InvalidToken, match="not known"):
        await verifier.verify(new.token("ann"))  # asked again too soon after the last reading
    clock.now += auth.KEYS_PAUSE
    assert (await verifier.verify(new.token("ann"))).subject == "ann"
    with pytest.raises(auth.InvalidToken, match="not known"):
        await verifier.verify(old_token)


async def test_unreadable_keys_leave_the_old_ones(jwks: Path, signer: Signer) -> None:
    clock = Clock(time.time())
    verifier = Verifier(str(jwks), "shop", "shop", clock=clock)
    await verifier.verify(signer.token("ann"))
    jwks.write_text("{")
    clock.now += auth.KEYS_AGE + 1
    assert (await verifier.verify(signer.token("ben"))).subject == "ben"


async def test_keys_come_from_a_url_once_for_many_requests(signer: Signer) -> None:
    asked = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        body = signer.jwks.encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        verifier = Verifier(f"http://127.0.0.1:{port}/jwks.json", "shop", "shop")
        tokens = [signer.token(f"user-{number}") for number in range(5)]
        subjects = [user.subject for user in await asyncio.gather(*map(verifier.verify, tokens))]
    assert subjects == [f"user-{number}" for number in range(5)]
    assert len(asked) == 1


async def test_eddsa_is_accepted(tmp_path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    public: dict[str, Any] = jwt.algorithms.OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [public | {"kid": "ed", "alg": "EdDSA"}]}))
    claims = {"iss": "shop", "aud": "shop", "sub": "ann", "exp": time.time() + 60}
    token = jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": "ed"})
    assert (await Verifier(str(path), "shop", "shop").verify(token)).subject == "ann"


async def test_no_source_says_what_to_set(signer: Signer) -> None:
    with pytest.raises(KeysUnavailable, match="AUTH_JWKS"):
        await Verifier(None, "shop", "shop").verify(signer.token("ann"))


def test_a_signer_keeps_its_identity(signer: Signer) -> None:
    assert Signer(signer.pem).kid == signer.kid
    assert '"d"' not in signer.jwks
    for text in ("", "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----"):
        with pytest.raises(NotAKey):
            Signer(text)


async def test_one_of_several_scopes_may_be_enough(client: httpx.AsyncClient, signer: Signer) -> None:
    for scope in ("shop", "guest", "shop guest", "other guest"):
        assert (await ask(client, signer.token("ann", scope), "/any")).json() == "ann"
    refused = await ask(client, signer.token("ann", "other"), "/any")
    assert refused.status_code == 403
    assert "none of the scopes guest shop" in refused.json()["detail"]
    assert (await ask(client, None, "/any")).status_code == 401
