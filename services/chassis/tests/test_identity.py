"""Service identity: which tokens open an internal route, and what a client shows to whom."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import APIRouter
from prometheus_client import CollectorRegistry
from shop_chassis.auth import Principal, require
from shop_chassis.client import NotAllowed, NotIdentified, ServiceClient, callee
from shop_chassis.context import current
from shop_chassis.identity import Caller, IdentityTokens, internal
from shop_chassis.runtime import Runtime
from shop_chassis.service import Service, create_app
from shop_chassis.settings import Settings
from shop_chassis.signing import ServiceAccounts, Signer
from shop_chassis.store import Store

public, private = (
    APIRouter(),
    APIRouter(prefix="/internal", dependencies=[internal("orders", "audit.office")]),
)


@public.get("/me")
async def me(user: Annotated[Principal, require()]) -> str:
    return user.subject


@public.get("/token")
async def passed_on() -> str | None:
    request = current()
    return request.authorization if request else None


@private.get("/stock")
async def stock() -> str | None:
    request = current()
    return request.authorization if request else "no request"


@private.get("/orders-only")
async def orders_only(caller: Annotated[Caller, internal("orders")]) -> list[str]:
    return [caller.service, caller.namespace]


SERVICE = Service("warehouse", routers=[public, private])
ALL = ("orders", "cart", "audit.office", "orders.office")


@pytest.fixture
def folder(service_accounts: ServiceAccounts, tmp_path: Path) -> Path:
    return service_accounts.write_callers(tmp_path / "callers", "warehouse", ALL)


@pytest.fixture
def settings(folder: Path, jwks: Path) -> Settings:
    return Settings(callers=folder, auth_jwks=str(jwks), log_access=False)


@pytest.fixture
async def client(client_of: Any, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(SERVICE, settings) as client:
        yield client


async def ask(client: httpx.AsyncClient, token: str | None, path: str = "/internal/stock") -> int:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return (await client.get(path, headers=headers)).status_code


async def test_the_services_that_a_route_names_get_in(
    client: httpx.AsyncClient, service_accounts: ServiceAccounts
) -> None:
    for service in ("orders", "audit.office"):
        assert await ask(client, service_accounts.token(service, "warehouse")) == 200
    answer = await client.get(
        "/internal/orders-only", headers=service_accounts.headers("orders", "warehouse")
    )
    assert answer.json() == ["orders", "shop"]


async def test_everybody_else_is_refused(
    client: httpx.AsyncClient, service_accounts: ServiceAccounts, signer: Signer
) -> None:
    token, subject = service_accounts.token, service_accounts.subject("orders")
    issuer, audience = ServiceAccounts.ISSUER, "warehouse.shop"
    expected = {
        (401, "none at all"): None,
        (401, "no token"): "abc",
        (401, "for another callee"): token("orders", "payment"),
        (401, "for the same name elsewhere"): token("orders", "warehouse.office"),
        (401, "expired"): token("orders", "warehouse", seconds=-60),
        (401, "of another cluster"): ServiceAccounts().token("orders", "warehouse"),
        (401, "a user's"): signer.token("ann", "warehouse:admin"),
        (401, "a user's who says to be a service"): signer.token(subject, issuer=issuer, audience=audience),
        (403, "a caller, not of this route"): token("cart", "warehouse"),
        (403, "the same name from another namespace"): token("orders.office", "warehouse"),
        (403, "no caller at all"): token("stranger", "warehouse"),
    }
    for (status, name), given in expected.items():
        assert await ask(client, given) == status, name


async def test_a_service_is_no_user(client: httpx.AsyncClient, service_accounts: ServiceAccounts) -> None:
    assert await ask(client, service_accounts.token("orders", "warehouse"), "/me") == 401


async def test_without_files_nobody_is_recognised(
    client_of: Any, service_accounts: ServiceAccounts, tmp_path: Path, folder: Path
) -> None:
    token = service_accounts.token("orders", "warehouse")
    for callers in (None, tmp_path / "nothing"):
        async with client_of(SERVICE, Settings(callers=callers)) as client:
            assert await ask(client, token) == 503
            assert await ask(client, None) == 401
    for name, content in (("callers.json", "{"), ("callers.json", '["root"]'), ("jwks.json", "")):
        before = (folder / name).read_text()
        (folder / name).write_text(content)
        async with client_of(SERVICE, Settings(callers=folder)) as client:
            assert await ask(client, token) == 503, (name, content)
        (folder / name).write_text(before)


def replaced(path: Path, content: str) -> None:
    """As the kubelet does it: another file under the same name."""
    new = path.with_suffix(".new")
    new.write_text(content)
    new.replace(path)


async def test_files_change_while_it_runs(
    client: httpx.AsyncClient, service_accounts: ServiceAccounts, folder: Path
) -> None:
    token = service_accounts.token("orders", "warehouse")
    assert await ask(client, token) == 200
    replaced(folder / "callers.json", "[]")
    assert await ask(client, token) == 403
    replaced(folder / "callers.json", json.dumps([service_accounts.subject("orders")]))
    assert await ask(client, token) == 200

    others = ServiceAccounts()
    others.write_callers(folder / "new", "warehouse", ["orders"])
    replaced(folder / "jwks.json", (folder / "new/jwks.json").read_text())
    assert await ask(client, token) == 401
    assert await ask(client, others.token("orders", "warehouse")) == 200
    (folder / "jwks.json").unlink()
    assert await ask(client, others.token("orders", "warehouse")) == 503


async def test_tokens_as_clusters_sign_them(client_of: Any, tmp_path: Path) -> None:
    """RS256, a list of audiences, and claims of Kubernetes' own."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public: dict[str, Any] = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    keys = {"keys": [{**public, "kid": "cluster", "alg": "RS256", "use": "sig"}]}
    subject = "system:serviceaccount:shop:orders"
    files = {
        "audience": "warehouse.shop\n",
        "issuer": "https://kubernetes.default.svc.cluster.local",
        "jwks.json": json.dumps(keys),
        "callers.json": json.dumps([subject], indent=0),
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    claims = {
        "aud": ["warehouse.shop"],
        "exp": 2**33,
        "iat": 1700000000,
        "iss": "https://kubernetes.default.svc.cluster.local",
        "jti": "e1",
        "kubernetes.io": {"namespace": "shop", "serviceaccount": {"name": "orders", "uid": "u"}},
        "sub": subject,
    }
    token = jwt.encode(claims, key, algorithm="RS256", headers={"kid": "cluster"})
    async with client_of(SERVICE, Settings(callers=tmp_path)) as client:
        assert await ask(client, token) == 200
        assert await ask(client, token[:-8] + "AAAAAAAA") == 401


def test_a_route_for_nobody_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="names of the services"):
        internal()


async def test_the_document_tells_internal_from_public(settings: Settings) -> None:
    paths = create_app(SERVICE, settings).openapi()["paths"]
    assert paths["/internal/stock"]["get"]["security"] == [{"ServiceIdentity": []}]
    assert paths["/me"]["get"]["security"] == [{"HTTPBearer": []}]


class Orders:
    """Calls the service above in this process, with the tokens of a folder."""

    def __init__(self, settings: Settings, tokens: Path | None) -> None:
        self.runtime: Runtime[Settings] = Runtime(
            Settings(identity_tokens=tokens), Store(Settings(), "caller"), CollectorRegistry()
        )
        self.client: ServiceClient = callee(self.runtime, "warehouse", "http://warehouse")
        self.client._http._transport = httpx.ASGITransport(create_app(SERVICE, settings))

    async def get(self, path: str, **options: Any) -> Any:
        return (await self.client.send("GET", path, timeout=10, **options)).json()


async def test_a_client_shows_its_identity_to_internal_routes_alone(
    settings: Settings, service_accounts: ServiceAccounts, tmp_path: Path
) -> None:
    tokens = service_accounts.write_tokens(tmp_path / "tokens", "orders", ["warehouse", "payment"])
    caller = Orders(settings, tokens)
    assert await caller.get("/internal/orders-only") == ["orders", "shop"]
    assert await caller.get("/token") is None
    with pytest.raises(ValueError, match="token of a service alone"):
        await caller.get("/internal/stock", as_user=True)


async def test_a_token_is_read_again_for_each_call(
    settings: Settings, service_accounts: ServiceAccounts, tmp_path: Path
) -> None:
    tokens = service_accounts.write_tokens(tmp_path / "tokens", "orders", ["warehouse"], seconds=-60)
    caller = Orders(settings, tokens)
    with pytest.raises(NotAllowed):
        await caller.get("/internal/stock")
    service_accounts.write_tokens(tokens, "orders", ["warehouse"])
    assert await caller.get("/internal/stock") is None


async def test_without_a_token_nothing_is_sent(settings: Settings, tmp_path: Path) -> None:
    caller = Orders(settings, tmp_path)
    with pytest.raises(NotIdentified, match=r"no token in .*warehouse.*name it in dependsOn"):
        await caller.get("/internal/stock")
    labels = {"server_address": "warehouse", "reason": "no_identity"}
    assert caller.runtime.metrics.get_sample_value("http_client_not_sent_total", labels) == 1
    with pytest.raises(NotAllowed):
        await Orders(settings, None).get("/internal/stock")


async def test_the_token_of_a_service_is_not_passed_on_as_a_users(
    client: httpx.AsyncClient, service_accounts: ServiceAccounts, signer: Signer
) -> None:
    """A callee that got it could use it to call this service."""
    answer = await client.get("/internal/stock", headers=service_accounts.headers("orders", "warehouse"))
    assert (answer.status_code, answer.json()) == (200, None)
    user = f"Bearer {signer.token('ann')}"
    assert (await client.get("/token", headers={"Authorization": user})).json() == user


def test_clients_of_one_service_share_their_metrics(tmp_path: Path) -> None:
    runtime: Runtime[Settings] = Runtime(
        Settings(identity_tokens=tmp_path), Store(Settings(), "caller"), CollectorRegistry()
    )
    first, second = callee(runtime, "warehouse", "http://a"), callee(runtime, "payment", "http://b")
    assert first is not second
    assert IdentityTokens.of(runtime.settings, "payment") == IdentityTokens(tmp_path, "payment")
