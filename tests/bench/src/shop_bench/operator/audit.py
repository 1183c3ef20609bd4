"""The calls that an API server answered, from its audit log."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [{"level": "Metadata", "users": ["operator", "bench"]}, {"level": "None"}],
}
WRITES = ("create", "update", "patch", "delete")


class Call(NamedTuple):
    """One call; times in seconds since the epoch, to the microsecond."""

    agent: str
    verb: str
    resource: str
    name: str
    subresource: str
    begun: float
    ended: float
    code: int
    uri: str

    @property
    def first_page(self) -> bool:
        """Whether it is the beginning of a list."""
        return self.verb == "list" and "continue=" not in self.uri


def calls(log: Path, since: int = 0) -> Iterator[Call]:
    """All calls on resources that the log has after this offset, watches included once they have ended."""
    with log.open("rb") as lines:
        lines.seek(since)
        for line in lines:
            entry = json.loads(line)
            about = entry.get("objectRef") or {}
            if "resource" in about:
                yield Call(
                    entry["userAgent"].partition("/")[0],
                    entry["verb"],
                    about["resource"],
                    about.get("name", ""),
                    about.get("subresource", ""),
                    _seconds(entry["requestReceivedTimestamp"]),
                    _seconds(entry["stageTimestamp"]),
                    entry.get("responseStatus", {}).get("code", 0),
                    entry["requestURI"],
                )


def counted(found: Iterable[Call]) -> dict[str, int]:
    """How many there are of each verb, status writes apart."""
    counts: dict[str, int] = {}
    for call in found:
        verb = f"{call.verb} {call.subresource}".strip()
        counts[verb] = counts.get(verb, 0) + 1
    return dict(sorted(counts.items()))


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
