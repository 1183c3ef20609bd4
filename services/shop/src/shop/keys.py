"""The key that signs tokens for people and tests: in files, or of the Secret `shop-auth`."""

import base64
import json
import os
from pathlib import Path

from shop_chassis.signing import NotAKey, Signer

from shop.kubectl import NoCluster, kubectl

SECRET = "shop-auth"
PRIVATE = "private.pem"
PUBLIC = "jwks.json"


class KeyProblem(Exception):  # noqa: N818 - the message says what is wrong
    """The key cannot be had; says why and what to do."""


def write(signer: Signer, folder: Path) -> None:
    """Both files, the private one for its owner alone. Raises KeyProblem where there is a key already."""
    folder.mkdir(parents=True, exist_ok=True)
    private = folder / PRIVATE
    try:
        file = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyProblem(f"{private}: is there; a new key voids all tokens, so delete it first") from None
    with os.fdopen(file, "w") as out:
        out.write(signer.pem)
    (folder / PUBLIC).write_text(signer.jwks + "\n")


def from_file(path: Path) -> Signer:
    """The key of a file. Raises KeyProblem."""
    try:
        return Signer(path.read_text())
    except OSError as error:
        raise KeyProblem(f"{path}: {error.strerror}; `shop auth-secret --dir` makes one") from error
    except NotAKey as error:
        raise KeyProblem(f"{path}: {error}") from error


def from_cluster(namespace: str) -> Signer:
    """The key of the present cluster's Secret. Raises KeyProblem."""
    try:
        answer = kubectl("get", "secret", SECRET, "-n", namespace, "-o", "json")
    except NoCluster as error:
        raise KeyProblem(f"{error}; `make up` makes the Secret, --key takes a file instead") from error
    try:
        return Signer(base64.b64decode(json.loads(answer)["data"][PRIVATE]).decode())
    except (KeyError, ValueError) as error:
        raise KeyProblem(f"Secret {SECRET}: expected a key in {PRIVATE}: {error}") from error
