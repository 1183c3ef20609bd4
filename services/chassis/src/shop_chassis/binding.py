"""Service Bindings: credentials as files that are replaced while the process runs.

Layout: Service Binding Specification for Kubernetes 1.1: a folder per binding, in it a file per key.
"""

from dataclasses import dataclass
from pathlib import Path


class BindingError(Exception):
    """A binding lacks something; says which file and what was expected in it."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One binding, read anew whenever it is asked: a rotated Secret changes the files."""

    folder: Path

    @classmethod
    def find(cls, root: Path | None, name: str) -> "Binding | None":
        """The binding `name` below `root`; None when there is no such folder."""
        folder = root / name if root else None
        return cls(folder) if folder and folder.is_dir() else None

    def get(self, key: str, default: str | None = None) -> str:
        """The value of `key`. Raises BindingError when it is missing or empty and there is no default."""
        path = self.folder / key
        try:
            value = path.read_text().strip()
        except FileNotFoundError:
            value = ""
        except OSError as error:
            raise BindingError(f"{path}: {error.strerror}; expected a readable file") from error
        if value:
            return value
        if default is None:
            raise BindingError(f"{path} is missing or empty: expected the {key} of the {self.folder.name}")
        return default
