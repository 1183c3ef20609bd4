"""Bearer tokens for any user, without a user database.

A token carries user and groups, signed with a secret; the API server asks the webhook here who it is
(authentication.k8s.io/v1 TokenReview) and remembers the answer.
"""

import base64
import binascii
import hashlib
import hmac
import json
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def make(secret: str, user: str, groups: Sequence[str] = ()) -> str:
    """A token for a user in groups."""
    body = base64.urlsafe_b64encode(json.dumps([user, list(groups)]).encode()).decode().rstrip("=")
    return f"{body}.{_signature(secret, body)}"


def read(secret: str, token: str) -> tuple[str, list[str]] | None:
    """User and groups of a token, or None if it was not made with this secret."""
    body, _, signature = token.partition(".")
    if not hmac.compare_digest(signature.encode(), _signature(secret, body).encode()):
        return None
    try:
        user, groups = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (binascii.Error, ValueError):
        return None
    return user, groups


def _signature(secret: str, body: str) -> str:
    return hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()


def review(secret: str, request: dict[str, Any]) -> dict[str, Any]:
    """The answer to a TokenReview."""
    known = read(secret, request["spec"]["token"])
    status: dict[str, Any] = {"authenticated": False}
    if known:
        status = {"authenticated": True, "user": {"username": known[0], "groups": known[1]}}
    return {"apiVersion": request["apiVersion"], "kind": "TokenReview", "status": status}


def serve(secret: str) -> int:
    """Answer TokenReviews on a free loopback port for as long as this process lives; returns the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = json.dumps(review(secret, request)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_address[1])
