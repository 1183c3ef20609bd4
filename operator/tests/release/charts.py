"""Charts from before: the first release, and the chart as it was before its last change."""

import subprocess
from pathlib import Path

import yaml

from ..generated import REPOSITORY

FIRST = Path(__file__).parent / "shop-operator-0.1.0.tgz"
PLACE = "charts/shop-operator"


def _git(*words: str) -> bytes:
    """Nothing where there is no git or no history."""
    try:
        return subprocess.run(["git", *words], cwd=REPOSITORY, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return b""


def before() -> dict[str, bytes]:
    """Archives of older charts by what they are called. The first is always there; git may know another."""
    found = {"first release": FIRST.read_bytes()}
    # The last commit that touched the chart made it what it is now, so the one before it is wanted.
    *_, previous = ["", *_git("rev-list", "--max-count=2", "HEAD", "--", PLACE).decode().split()]
    if previous and (archive := _git("archive", "--format=tar.gz", f"{previous}:charts", "shop-operator")):
        found["before the last change"] = archive
    return found


def unpack(archive: bytes, folder: Path) -> Path:
    """The chart as a folder."""
    folder.mkdir()
    # Not tarfile: what makes it safe came with Python 3.11.4, and Debian has 3.11.2.
    subprocess.run(["tar", "-xz", "-C", folder], input=archive, check=True)
    return folder / "shop-operator"


def without(chart: Path, field: str) -> Path:
    """The chart as if this field of the spec were not invented yet."""
    file = chart / "templates" / "crd.yaml"
    crd = yaml.safe_load(file.read_text())
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    del spec["properties"][field]
    rules = spec["x-kubernetes-validations"]
    spec["x-kubernetes-validations"] = [rule for rule in rules if f"self.{field}" not in rule["rule"]]
    file.write_text(yaml.safe_dump(crd))
    return chart
