"""The key that signs tokens for people and tests: as files, or as the Secret `shop-auth`."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

from shop_chassis.signing import NotAKey, Signer

SECRET = "shop-auth"
PRIVATE = "private.pem"
PUBLIC = "jwks.json"


class KeyProblem(Exception):  # noqa: N818 - the message says what is wrong
    """The key cannot be had; says why and what to do."""


def manifest(signer: Signer, namespace: str) -> str:
    """The Secret, for `kubectl create -f -`; JSON is YAML too."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": SECRET,
                "namespace": namespace,
                "labels": {"app.kubernetes.io/part-of": "shop"},
            },
            "stringData": {PRIVATE: signer.pem, PUBLIC: signer.jwks},
        },
        indent=2,
    )


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
    kubectl = shutil.which("kubectl", path=f"{os.environ.get('PATH', '')}:{_cache() / 'bin'}")
    if kubectl is None:
        raise KeyProblem("kubectl: not found; put it on the PATH, or name a key with --key")
    ask = [kubectl, "get", "secret", SECRET, "-n", namespace, "-o", "json"]
    done = subprocess.run(ask, capture_output=True, text=True, timeout=30)
    if done.returncode != 0:
        raise KeyProblem(f"{done.stderr.strip()}; `make up` makes the Secret, --key takes a file instead")
    try:
        return Signer(base64.b64decode(json.loads(done.stdout)["data"][PRIVATE]).decode())
    except (KeyError, ValueError) as error:
        raise KeyProblem(f"Secret {SECRET}: expected a key in {PRIVATE}: {error}") from error


def _cache() -> Path:
    return Path(os.environ.get("KINDLOCAL_CACHE") or Path.home() / ".cache/kindlocal")
