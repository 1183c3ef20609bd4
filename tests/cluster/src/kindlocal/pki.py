"""Certificates, made by openssl: the standard library can verify them but not make them."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from kindlocal.errors import KindlocalError
from kindlocal.paths import tool

StrPath = str | Path

# RSA keys would cost seconds.
_NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650"]

# Python 3.13 verifies strictly: it wants a leaf that is no CA, and its authorityKeyIdentifier.
_LEAF = """[req]
distinguished_name=dn
x509_extensions=v3
[dn]
[v3]
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth,clientAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
"""


def _openssl(*args: StrPath) -> None:
    done = subprocess.run([tool("openssl"), *map(str, args)], capture_output=True, text=True)
    if done.returncode:
        raise KindlocalError(f"openssl {args[0]} failed: {done.stderr.strip()}")


class Authority:
    """A certificate authority in a folder; keys are readable by the owner alone."""

    def __init__(self, folder: Path, name: str = "kubernetes") -> None:
        """Make the folder and in it ``ca.crt`` and ``ca.key``."""
        self.folder = folder
        folder.mkdir(mode=0o700)
        usage = "keyUsage=critical,digitalSignature,keyCertSign,cRLSign"
        self._request("ca", f"/CN={name}", "-addext", usage)

    def certificate(self, name: str) -> Path:
        """Path of a certificate."""
        return self.folder / f"{name}.crt"

    def key(self, name: str) -> Path:
        """Path of a private key."""
        return self.folder / f"{name}.key"

    def issue(self, name: str, subject: str, hosts: Sequence[str] = ()) -> None:
        """Make certificate and key for a subject (``/O=group/CN=user``) and hosts (``DNS:…``, ``IP:…``)."""
        config = self.folder / f"{name}.cnf"
        config.write_text(_LEAF + (f"subjectAltName={','.join(hosts)}\n" if hosts else ""))
        signed_by: list[StrPath] = ["-CA", self.certificate("ca"), "-CAkey", self.key("ca")]
        self._request(name, subject, "-config", config, *signed_by)
        config.unlink()

    def _request(self, name: str, subject: str, *args: StrPath) -> None:
        out: list[StrPath] = ["-keyout", self.key(name), "-out", self.certificate(name), "-subj", subject]
        _openssl("req", "-x509", *_NEW_KEY, *out, *args)


def signing_key(folder: Path, name: str = "sa") -> None:
    """Make ``name.key`` and ``name.pub``, the pair that signs and verifies service account tokens."""
    key = folder / f"{name}.key"
    os.close(os.open(key, os.O_CREAT | os.O_WRONLY, 0o600))
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    _openssl("ec", "-in", key, "-pubout", "-out", folder / f"{name}.pub")
