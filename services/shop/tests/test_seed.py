"""Demo data: into a catalog that really runs."""

import json
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from shop import demo
from shop.cli import main
from shop.demo.pictures import SIZE
from shop.keys import from_file
from shop_chassis.testing.process import ServiceProcess
from shop_contracts.catalog.api import NewProduct


def test_seeding_fills_catalog_once_and_leaves_what_is_there(
    catalog: ServiceProcess, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    admin = from_file(keys / "private.pem").token("boss", "catalog:admin")
    seed = ["seed", f"catalog={catalog.url}", "--key", str(keys / "private.pem")]
    wanted = demo.products()
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
    assert len(json.loads(catalog.get("/products?category=lighting&limit=100"))["items"]) == 72
    family = json.loads(catalog.get("/families/merino-shirt"))
    assert len({(each["options"]["size"], each["options"]["colour"]) for each in family["variants"]}) == 12
    daypack = next(each for each in wanted if each.attributes["kind"] == "daypack")
    related = json.loads(catalog.get(f"/products/{daypack.id}/relations"))["items"]
    assert {each["kind"] for each in related} == {"accessory", "similar"}
    assert len(json.loads(catalog.get("/promotions"))["items"]) == len(demo.promotions())


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> list[NewProduct]:
    """A demo catalogue of three products, two of which look the same."""
    first, second, *_ = demo.all_made()
    made = (first, second, replace(demo.all_made()[-1], look=second.look))
    monkeypatch.setattr(demo, "all_made", lambda: made)
    monkeypatch.setattr(demo, "products", lambda _first=None: [each.product for each in made])
    monkeypatch.setattr(demo, "relations", dict)
    monkeypatch.setattr(demo, "promotions", dict)
    return demo.products()


def test_pictures_are_drawn_where_there_are_none(
    small: list[NewProduct], catalog: ServiceProcess, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = ["seed", f"catalog={catalog.url}", "--key", str(keys / "private.pem"), "--pictures"]
    assert main(seed) == 0
    assert "pictures: 3 made, 0 were there" in capsys.readouterr().out
    shown = [json.loads(catalog.get(f"/products/{each.slug}"))["images"] for each in small]
    assert shown[0] != shown[1] == shown[2]
    assert [size["width"] for size in shown[0][0]["sizes"]] == [160, 320, 480, SIZE]
    assert main(seed) == 0
    assert "pictures: 0 made, 3 were there" in capsys.readouterr().out
    assert main(["seed", "warehouse=http://127.0.0.1:1", "--pictures", *seed[2:4]]) == 1
    assert "catalog=URL" in capsys.readouterr().err
