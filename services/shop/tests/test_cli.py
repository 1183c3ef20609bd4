"""The `shop` command's keys and tokens."""

import json
import stat
from pathlib import Path

import jwt
import pytest
from shop.cli import main


def token(keys: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main(["token", "--key", str(keys / "private.pem"), *arguments]) == 0
    return capsys.readouterr().out.strip()


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
        "shop-messages": {"webhook-secret", "link-secret"},
        "shop-admin": {"email", "password"},
    }
    assert "PRIVATE" not in found["shop-auth"]["jwks.json"]
    assert {item["metadata"]["namespace"] for item in items} == {"shop"}


def test_only_the_secrets_that_are_missing_are_made(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["secrets", "shop-gateway"]) == 0
    (only,) = json.loads(capsys.readouterr().out)["items"]
    assert only["metadata"]["name"] == "shop-gateway"
    assert main(["secrets", "shop-keys"]) == 1
    assert (
        "expected some of shop-auth, shop-gateway, shop-messages, shop-admin, found shop-keys"
        in capsys.readouterr().err
    )


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
