"""What has been measured, kept as soon as it is: a run that was stopped goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Self

from shop_platform.paths import own_cache

from shop_bench.figures import Row


class Ledger:
    """A file of JSON lines, `[key, row]`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._rows: dict[str, Row] = {}
        if file.exists():
            for line in file.read_text().splitlines():
                try:
                    key, row = json.loads(line)
                except ValueError:  # written when the power went: measured again
                    continue
                self._rows[key] = row

    @classmethod
    def of(cls, name: str, cluster: str, commit: str) -> Self:
        """That of a benchmark of this name, on this cluster, of this commit."""
        folder = own_cache() / "bench"
        folder.mkdir(exist_ok=True)
        return cls(folder / f"{name}-{cluster}-{commit.replace(' ', '-')}.jsonl")

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def once(self, key: str, measure: Callable[[], Row]) -> Row:
        """The row of this key: measured now, unless it has been."""
        if key not in self._rows:
            row = measure()
            with self._file.open("a") as lines:
                # On a line of its own, whatever an earlier run left behind.
                lines.write("\n" + json.dumps([key, row]) + "\n")
            self._rows[key] = row
        return self._rows[key]

    def forget(self) -> None:
        """The next run begins anew."""
        self._file.unlink(missing_ok=True)
        self._rows.clear()
