"""The `shop` command against a catalog that really runs."""

import json
import stat
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from shop import demo
from shop.cli import main
from shop_chassis.testing.process import ServiceProcess


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    assert main(["auth-secret", "--dir", str(tmp_path / "keys")]) == 0
    return tmp_path / "keys"


@pytest.fixture
def catalog(keys: Path, tmp_path: Path) -> Iterator[ServiceProcess]:
    process = ServiceProcess("shop_catalog", tmp_path, AUTH_JWKS=str(keys / "jwks.json"), DRAIN_SECONDS="0")
    assert process.run("migrate").returncode == 0
    process.start()
    yield process
    process.kill()


def token(keys: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main(["token", "--key", str(keys / "private.pem"), *arguments]) == 0
    return capsys.readouterr().out.strip()


def test_seeding_fills_catalog_once_and_leaves_what_is_there(
    catalog: ServiceProcess, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    admin = token(keys, capsys, "--scope", "catalog:admin")
    seed = ["seed", f"catalog={catalog.url}", "--key", str(keys / "private.pem")]
    wanted = list(demo.products())
    assert main(["auth-secret", "--dir", str(keys / "other")]) == 0
    assert main([*seed[:-1], str(keys / "other" / "private.pem")]) == 1
    assert "401" in capsys.readouterr().err
    assert main(seed) == 0
    offers = len(demo.promotions()) + len(demo.coupons())
    made, kept = f"{len(wanted)} made, 0 were there", f"{offers} made, 0 were there"
    assert capsys.readouterr().out == f"products: {made}; promotions and coupons: {kept}\n"
    cheap = urllib.request.Request(
        f"{catalog.url}/admin/products/{wanted[0].id}/price",
        data=b'{"amount": 1, "currency": "EUR"}',
        method="PUT",
        headers={"Authorization": f"Bearer {admin}", "Content-Type": "application/json"},
    )
    urllib.request.urlopen(cheap).close()
    assert main(seed) == 0
    made, kept = f"0 made, {len(wanted)} were there", f"0 made, {offers} were there"
    assert capsys.readouterr().out == f"products: {made}; promotions and coupons: {kept}\n"
    assert json.loads(catalog.get(f"/products/{wanted[0].slug}"))["price"]["amount"] == 1
    assert len(json.loads(catalog.get("/products?category=home&limit=100"))["items"]) == 33
    family = json.loads(catalog.get("/families/merino-shirt"))
    assert len({(each["options"]["size"], each["options"]["colour"]) for each in family["variants"]}) == 6
    backpack = next(each for each in wanted if each.attributes["kind"] == "backpack")
    related = json.loads(catalog.get(f"/products/{backpack.id}/relations"))["items"]
    assert {each["kind"] for each in related} == {"accessory", "similar"}
    assert len(json.loads(catalog.get("/promotions"))["items"]) == len(demo.promotions())


def test_demo_products_are_the_same_each_time_and_differ_from_each_other() -> None:
    products = list(demo.products())
    assert products == list(demo.products())
    assert len(products) >= 60
    for name in ("id", "sku", "slug", "title"):
        assert len({getattr(product, name) for product in products}) == len(products)
    assert all(product.id and product.id.version == 7 for product in products)
    slugs = [category.slug for category in demo.categories()]
    assert {product.category for product in products} <= set(slugs)
    for category in demo.categories():
        assert category.parent is None or slugs.index(category.parent) < slugs.index(category.slug)


def test_a_key_is_its_owners_alone_and_never_overwritten(
    keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    private = keys / "private.pem"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    before = private.read_text()
    assert main(["auth-secret", "--dir", str(keys)]) == 1
    assert "delete it first" in capsys.readouterr().err
    assert private.read_text() == before


def test_a_token_says_what_was_asked(keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = token(keys, capsys, "--scope", "a b", "--subject", "ann", "--seconds", "60")
    key = jwt.PyJWKSet.from_json((keys / "jwks.json").read_text()).keys[0]
    claims = jwt.decode(made, key, algorithms=["ES256"], audience="shop", issuer="shop")
    assert (claims["sub"], claims["scope"], round(claims["exp"] - claims["iat"])) == ("ann", "a b", 60)


def test_the_secrets_of_a_cluster_are_named_as_services_expect(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["secrets", "--namespace", "shop"]) == 0
    items = json.loads(capsys.readouterr().out)["items"]
    found = {item["metadata"]["name"]: item["stringData"] for item in items}
    assert {name: set(data) for name, data in found.items()} == {
        "shop-auth": {"private.pem", "jwks.json"},
        "shop-gateway": {"gateway-key", "webhook-secret"},
        "shop-admin": {"email", "password"},
    }
    assert "PRIVATE" not in found["shop-auth"]["jwks.json"]
    assert {item["metadata"]["namespace"] for item in items} == {"shop"}


def test_only_the_secrets_that_are_missing_are_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["secrets", "shop-gateway"]) == 0
    (only,) = json.loads(capsys.readouterr().out)["items"]
    assert only["metadata"]["name"] == "shop-gateway"
    assert main(["secrets", "shop-keys"]) == 1
    assert "expected some of shop-auth, shop-gateway, shop-admin, found shop-keys" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory; `shop auth-secret --dir` makes one"),
        ("x", "expected an unencrypted"),
    ],
)
def test_a_key_that_cannot_be_used_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, said: str
) -> None:
    path = tmp_path / "key.pem"
    if content is not None:
        path.write_text(content)
    assert main(["token", "--key", str(path)]) == 1
    error = capsys.readouterr().err
    assert str(path) in error
    assert said in error


def test_without_kubectl_the_message_says_what_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("KINDLOCAL_CACHE", str(tmp_path))
    assert main(["token"]) == 1
    assert capsys.readouterr().err == (
        "shop token: kubectl: not found on the PATH; `make up` makes the Secret, --key takes a file instead\n"
    )
