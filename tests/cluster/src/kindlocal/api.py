"""A few calls to an API server with a client certificate; enough for starting a cluster and watching it."""

import http.client
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Object = dict[str, Any]


class ApiError(OSError):
    """The API server refused; ``status`` is the HTTP status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def collection(one: Object) -> str:
    """The path of an object's fellows, for kinds with a regular plural."""
    version, namespace = one["apiVersion"], one["metadata"].get("namespace")
    group = f"/apis/{version}" if "/" in version else f"/api/{version}"
    plural = one["kind"].lower() + ("es" if one["kind"].endswith("s") else "s")
    return f"{group}/namespaces/{namespace}/{plural}" if namespace else f"{group}/{plural}"


class Api:
    """Calls as the user of a certificate in a folder of them; each call is a connection of its own."""

    def __init__(self, host: str, pki: Path, user: str) -> None:
        self._host = host
        self._tls = ssl.create_default_context(cafile=pki / "ca.crt")
        self._tls.load_cert_chain(pki / f"{user}.crt", pki / f"{user}.key")

    def _call(self, method: str, path: str, timeout: float, body: Any = None) -> http.client.HTTPResponse:
        connection = http.client.HTTPSConnection(self._host, 6443, context=self._tls, timeout=timeout)
        headers = {
            "Content-Type": "application/merge-patch+json" if method == "PATCH" else "application/json"
        }
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        if answer.status >= 300:
            text = answer.read().decode(errors="replace")
            raise ApiError(answer.status, f"{method} {path}: {answer.status} {text[:300]}")
        return answer

    def ready(self) -> bool:
        """Whether the API server says that it is ready."""
        try:
            self._call("GET", "/readyz", 2).read()
        except (OSError, http.client.HTTPException):
            return False
        return True

    def get(self, path: str) -> Object:
        """Read an object or a list.

        Raises ApiError or another OSError.
        """
        return dict(json.load(self._call("GET", path, 30)))

    def create(self, one: Object) -> None:
        """Create an object.

        Raises ApiError or another OSError.
        """
        self._call("POST", collection(one), 30, one).read()

    def patch(self, path: str, body: Object) -> None:
        """Merge into an object.

        Raises ApiError or another OSError.
        """
        self._call("PATCH", path, 30, body).read()

    def watch(self, path: str, seconds: int) -> Iterator[Object]:
        """Events for so long; ``path`` may have a query.

        Raises ApiError or another OSError.
        """
        query = f"{path}{'&' if '?' in path else '?'}watch=1&timeoutSeconds={seconds}"
        for line in self._call("GET", query, seconds + 20):
            yield json.loads(line)
