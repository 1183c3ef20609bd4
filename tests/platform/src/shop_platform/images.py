"""Images of the services and the operator: what each is made from, its tag, and building what is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml

from shop_platform import bases
from shop_platform.digest import digest
from shop_platform.kind import Tools
from shop_platform.layout import repository
from shop_platform.paths import ROOT, SERVICES
from shop_platform.process import Failure, run
from shop_platform.store import Store

DOCKERFILE = SERVICES / "Dockerfile"
OPERATOR = ROOT / "operator" / "Dockerfile"
# How many superseded images of each repository stay.
KEPT = 3
# Used by pods as they are, beside what is built here.
GIVEN = ("shop/postgres:15", "shop/redis:7")


def sources() -> dict[str, str]:
    """The ShopServices, and the folder that the image of each is made from: two may run the same one."""
    files = sorted(SERVICES.glob("*/shopservice.yaml"))
    return {
        file.parent.name: yaml.safe_load(file.read_text())["spec"]["image"].removeprefix("shop/")
        for file in files
    }


def uv_binary() -> Path:
    """The uv that runs this program."""
    found = os.environ.get("UV") or shutil.which("uv")
    if not found:
        raise Failure("uv is missing: use `make`, or `pip install uv`")
    return Path(found)


def exported(*packages: str) -> str:
    """Third-party packages of workspace members, pinned with hashes, as the lock file has them."""
    words = ["export", "--quiet", "--frozen", "--no-dev", "--no-header", "--no-emit-workspace"]
    return run([uv_binary(), *words, *(f"--package={package}" for package in packages)], cwd=ROOT)


@dataclass(frozen=True)
class Plan:
    """The images as the sources are now: name of each service or `operator` → image with tag.

    What others made is in images of its own, on which the others stand.
    """

    libraries: str
    operator_libraries: str
    runtime: str
    services: dict[str, str]
    operator: str

    @property
    def all(self) -> dict[str, str]:
        """Every image that runs in the cluster and is built here."""
        return {**self.services, "operator": self.operator}

    @property
    def below(self) -> list[str]:
        """Those that the others stand on: what others made, and the services' own."""
        return [self.libraries, self.operator_libraries, self.runtime]


def plan() -> Plan:
    """Tags from the content of everything that goes into an image."""
    base = bases.python_recipe().marked
    made_from = sources()
    folders = sorted(set(made_from.values()))
    third_party = exported(*(f"shop-{folder}" for folder in folders))
    libraries = digest(ROOT, [DOCKERFILE], base, third_party)
    shared = [SERVICES / "chassis" / "src", SERVICES / "contracts" / "src"]
    runtime = digest(ROOT, shared, libraries)
    tags = {folder: digest(ROOT, [SERVICES / folder / "src"], runtime) for folder in folders}
    services = {name: f"shop/{folder}:dev-{tags[folder]}" for name, folder in made_from.items()}
    operator_libraries = digest(ROOT, [OPERATOR], base, exported("shop-operator"))
    operator = digest(ROOT, [ROOT / "operator" / "src"], operator_libraries)
    return Plan(
        f"shop/libraries:dev-{libraries}",
        f"shop/operator-libraries:dev-{operator_libraries}",
        f"shop/runtime:dev-{runtime}",
        services,
        f"shop/operator:dev-{operator}",
    )


def superseded(names: Iterable[str], planned: Plan) -> list[str]:
    """Of these images, the newest first, those of our own that are neither planned nor among the latest.

    Ours are known by repository and by a tag that only content hashes have. Some are kept, for whoever goes
    back to a state of before or builds from another clone.
    """
    wanted = {*planned.below, *planned.all.values(), *(recipe.marked for recipe in bases.recipes())}
    ours = {repository(image) for image in wanted} | {repository(bases.PYTHON_UV)}
    older: dict[str, list[str]] = {}
    for name in names:
        tagged = name.rpartition(":")[2].startswith(("dev-", "recipe-"))
        if tagged and repository(name) in ours and name not in wanted:
            older.setdefault(repository(name), []).append(name)
    return [name for found in older.values() for name in found[KEPT:]]


def _source(image: str) -> str:
    return repository(image).rpartition("/")[2]


class Images:
    """Builds what a plan names and the store does not have."""

    def __init__(self, tools: Tools, note: Callable[[str], None] = lambda _: None) -> None:
        self._store = Store(tools.builder)
        self._local = tools.local
        self._note = note

    def libraries(self, planned: Plan) -> list[str]:
        """Base images, and of what others made that on which something is to be built; raises Failure.

        Names what others made that is there then.
        """
        bases.ensure_bases(self._store, local=self._local)
        there = set(self._store.names())
        missing = self._missing(planned, there)
        if missing and self._local:
            bases.ensure_uv(self._store, uv_binary())
        recipes = {planned.libraries: DOCKERFILE, planned.operator_libraries: OPERATOR}
        needed = {planned.operator_libraries if name == "operator" else planned.libraries for name in missing}
        absent = sorted(needed - there)
        if absent:
            self._note(f"installing the packages of {', '.join(absent)}")
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda image: self._build(image, recipes[image], target="libraries"), absent))
        return [image for image in recipes if image in there.union(absent)]

    def ensure(self, planned: Plan) -> list[str]:
        """The libraries, then all that is missing; names of what was built. Raises Failure."""
        self.libraries(planned)
        there = set(self._store.names())
        missing = self._missing(planned, there)
        services = {name: image for name, image in missing.items() if name != "operator"}
        with ThreadPoolExecutor(2) as pool:
            jobs = [pool.submit(self._operator, planned)] if "operator" in missing else []
            if services and planned.runtime not in there:
                self._note("building what services share")
                self._build(
                    planned.runtime, DOCKERFILE, target="runtime", layers=False, LIBRARIES=planned.libraries
                )
            jobs += [
                pool.submit(self._service, name, image, planned.runtime) for name, image in services.items()
            ]
            for job in jobs:
                job.result()
        return list(missing.values())

    def _missing(self, planned: Plan, there: set[str]) -> dict[str, str]:
        # By what they are made from, since two services may run the same.
        return {_source(image): image for image in planned.all.values() if image not in there}

    def prune(self, planned: Plan) -> list[str]:
        """Lets go of images that newer ones have taken the place of, and names them. Raises Failure."""
        gone = []
        for image in superseded(self._store.names(), planned):
            try:
                self._store.remove(image)
                gone.append(image)
            except Failure:
                self._note(f"{image} is in use and stays")
        return gone

    def _operator(self, planned: Plan) -> None:
        self._note(f"building {planned.operator}")
        self._build(planned.operator, OPERATOR, layers=False, LIBRARIES=planned.operator_libraries)

    def _service(self, name: str, image: str, runtime: str) -> None:
        self._note(f"building {image}")
        # No layers below the last one to keep: one commit, about a second.
        self._build(image, DOCKERFILE, target="service", layers=False, RUNTIME=runtime, SERVICE=name)

    def _build(
        self, image: str, file: Path, *, target: str | None = None, layers: bool = True, **args: str
    ) -> None:
        self._store.build(image, file, ROOT, target=target, layers=layers, args={**self._bases(), **args})

    def _bases(self) -> dict[str, str]:
        # Where images are pulled, the base has pip and brings uv itself.
        return {"BASE": bases.PYTHON, "BUILDER": bases.PYTHON_UV if self._local else bases.PYTHON}
