"""Where the API server is and how to log in: the pod's service account, else a kubeconfig."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import kopf

USER_AGENT = "shop-operator"
SERVICE_ACCOUNT_TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
TOKEN_MAX_AGE_SECONDS = 60.0


class LoginError(Exception):
    """No usable credentials were found; the message says where they were looked for."""


@dataclass
class Connection:
    """An API server and the credentials for it.

    A service account's token is renewed on disk by the kubelet, so it is read again once a minute.
    """

    info: kopf.ConnectionInfo
    token_file: Path | None = None
    user_agent: str = USER_AGENT
    _token: str = ""
    _read_at: float = field(default=float("-inf"))

    @property
    def server(self) -> str:
        """URL of the API server, without a slash at the end."""
        return self.info.server.rstrip("/")

    def headers(self) -> dict[str, str]:
        """The Authorization header for a request made now."""
        if self.token_file is None:
            return self.info.as_http_headers()
        if time.monotonic() - self._read_at > TOKEN_MAX_AGE_SECONDS:
            self._token = self.token_file.read_text().strip()
            self._read_at = time.monotonic()
        return {"Authorization": f"Bearer {self._token}"}

    def session(self, *, connections: int = 0, **options: Any) -> aiohttp.ClientSession:
        """An HTTP session with TLS set up and our user agent; 0 connections means no limit."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, ssl=self.info.as_ssl_context()),
            headers={"User-Agent": self.user_agent},
            proxy=self.info.proxy_url,
            timeout=aiohttp.ClientTimeout(total=30, sock_connect=5),
            **options,
        )


def find() -> Connection:
    """Log in as the pod if this is one, otherwise as `KUBECONFIG` or `~/.kube/config` says.

    Raises LoginError when there is neither, or the kubeconfig is not usable.
    """
    settings = kopf.OperatorSettings()
    if SERVICE_ACCOUNT_TOKEN.exists():
        info = kopf.login_with_service_account(settings=settings)
        assert info is not None
        return Connection(info, token_file=SERVICE_ACCOUNT_TOKEN)
    try:
        info = kopf.login_with_kubeconfig(settings=settings)
    except (OSError, KeyError, kopf.LoginError) as error:
        raise LoginError(f"the kubeconfig cannot be used: {error}") from error
    if info is None:
        raise LoginError(
            "no cluster to talk to: this is no pod, and neither KUBECONFIG nor ~/.kube/config exists"
        )
    if not info.as_http_headers() and not (info.certificate_data or info.certificate_path):
        return Connection(_with_client_library())
    return Connection(info)


def _with_client_library() -> kopf.ConnectionInfo:
    """Credentials from a plugin (`exec:`, as cloud providers use) by the official client.

    It is imported only here: its models alone cost some 60 MB of memory.
    """
    import logging

    info = kopf.login_via_client(settings=kopf.OperatorSettings(), logger=logging.getLogger(__name__))
    if info is None:
        raise LoginError("the kubeconfig names no credentials that can be used")
    return info
