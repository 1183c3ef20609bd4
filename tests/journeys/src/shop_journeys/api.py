"""A service's API as one person uses it."""

import time
from typing import Any

import httpx

from shop_journeys.waiting import SECONDS

Json = dict[str, Any]


class Api:
    """Requests with one token; an answer that was not expected fails the test with what it said.

    A service that says "later" is asked again, as any client would, if the request may be repeated.
    """

    def __init__(self, http: httpx.Client, token: str | None = None, patience: float = SECONDS) -> None:
        """`patience` in seconds: for so long it is asked again."""
        self._http, self._patience = http, patience
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, *, status: int = 200, **query: Any) -> Any:
        """The body; `query` without what is None."""
        params = {name: value for name, value in query.items() if value is not None}
        return self.ask("GET", path, status=status, params=params).json()

    def post(self, path: str, body: Any = None, *, status: int | None = None, **headers: str) -> Any:
        """The body of the answer; None when it has none."""
        return _body(self.ask("POST", path, status=status, json=body, headers=_dashed(headers)))

    def put(self, path: str, body: Any, *, status: int | None = None, **headers: str) -> Any:
        """The body of the answer."""
        return _body(self.ask("PUT", path, status=status, json=body, headers=_dashed(headers)))

    def delete(self, path: str, *, status: int | None = None, **headers: str) -> Any:
        """The body of the answer."""
        return _body(self.ask("DELETE", path, status=status, headers=_dashed(headers)))

    def ask(
        self,
        method: str,
        path: str,
        *,
        status: int | None = None,
        headers: Json | None = None,
        **options: Any,
    ) -> httpx.Response:
        """The answer, which is a success, or has the status that is given."""
        answer = self.try_(method, path, headers=headers, **options)
        expected = answer.is_success if status is None else answer.status_code == status
        assert expected, f"{method} {path}: expected {status or 'success'}, found {told(answer)}"
        return answer

    def try_(self, method: str, path: str, *, headers: Json | None = None, **options: Any) -> httpx.Response:
        """The answer, whatever it is."""
        sent = {**self._headers, **(headers or {})}
        repeatable = method != "POST" or "Idempotency-Key" in sent or ":" in path
        deadline = time.monotonic() + self._patience
        while True:
            answer = self._http.request(method, path, headers=sent, **options)
            later = answer.status_code in (503, 504) and repeatable
            if not later or time.monotonic() >= deadline:
                return answer
            time.sleep(0.5)


def told(answer: httpx.Response) -> str:
    """Status and beginning of the body, for people."""
    return f"{answer.status_code} {answer.text[:500]}"


def _body(answer: httpx.Response) -> Any:
    return answer.json() if answer.content else None


def _dashed(headers: dict[str, str]) -> Json:
    return {name.replace("_", "-"): value for name, value in headers.items()}
