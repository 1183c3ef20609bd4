"""ShopServices from files."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from shop_operator.api import API_VERSION, KIND, InvalidSpec, ShopService, parse


class Unreadable(ValueError):  # noqa: N818 - reads well in `except`
    """A file that cannot be used; the text says which, where and why."""


def read(file: str) -> list[ShopService]:
    """The ShopServices of a YAML file, `-` for standard input; other kinds are passed over.

    Raises Unreadable.
    """
    found = []
    for document in _documents(file):
        if not isinstance(document, dict):
            raise Unreadable(f"{file}: expected Kubernetes objects, found {type(document).__name__}")
        if document.get("kind") != KIND:
            continue
        if document.get("apiVersion") != API_VERSION:
            raise Unreadable(f"{file}: expected apiVersion {API_VERSION}, found {document.get('apiVersion')}")
        try:
            found.append(parse(document))
        except InvalidSpec as error:
            name = (document.get("metadata") or {}).get("name", "without a name")
            lines = "".join(f"\n  {field}: {message}" for field, message in error.errors)
            raise Unreadable(f"{file}: ShopService {name} is not valid:{lines}") from None
    if not found:
        raise Unreadable(f"{file}: expected a {KIND} of {API_VERSION}, found none")
    return found


def _documents(file: str) -> Iterator[Any]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
        yield from (document for document in yaml.safe_load_all(text) if document is not None)
    except OSError as error:
        raise Unreadable(f"{file}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Unreadable(f"{file}: not YAML: {error}") from None
