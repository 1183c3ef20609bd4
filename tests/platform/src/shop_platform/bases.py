"""Base images: pulled, or where that cannot be, made from Debian packages after images/*.toml."""

from __future__ import annotations

import shutil
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from shop_platform.digest import digest
from shop_platform.paths import PLATFORM
from shop_platform.process import Failure, run
from shop_platform.store import Store

RECIPES = PLATFORM / "images"
SUITE = "bookworm"
PYTHON = "shop/python:3.11"
PYTHON_UV = "shop/python-uv:3.11"
# What no container reads.
UNREAD = ("doc", "info", "lintian", "locale", "man", "bash-completion")


@dataclass(frozen=True)
class Recipe:
    """One base image: see the comments in images/*.toml."""

    name: str
    upstream: str
    packages: list[str]
    user: dict[str, str | int]
    path: str
    exclude: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def marked(self) -> str:
        """A second name of the image that says what it was made from."""
        recipe = digest(PLATFORM, [], *bootstrap(self, Path("root.tar")), dockerfile(self))
        return f"{self.name.partition(':')[0]}:recipe-{recipe}"


def recipes(folder: Path = RECIPES) -> list[Recipe]:
    """All recipes, by name."""
    return [Recipe(**tomllib.loads(file.read_text())) for file in sorted(folder.glob("*.toml"))]


def bootstrap(recipe: Recipe, tar: Path) -> list[str]:
    """The command that makes the file system: Debian's essential packages and the recipe's, no apt."""
    user, uid = recipe.user["name"], recipe.user["id"]
    words = ["mmdebstrap", "--quiet", "--variant=essential", "--aptopt=Apt::Install-Recommends false"]
    words += ["--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"]  # else usrmerge brings all of perl
    for unwanted in [*(f"/usr/share/{name}/*" for name in UNREAD), *recipe.exclude]:
        words += [f"--dpkgopt=path-exclude={unwanted}"]
    accounts = {"passwd": f"{user}:x:{uid}:{uid}::/:/usr/sbin/nologin", "group": f"{user}:x:{uid}:"}
    for file, line in accounts.items():
        words += [f"--essential-hook=echo '{line}' >>\"$1/etc/{file}\""]
    for path, text in recipe.files.items():
        target = f'"$1{path}"'
        words += [f"--essential-hook=mkdir -p $(dirname {target}) && printf '%s' '{text}' >{target}"]
    words += ['--customize-hook=rm -rf "$1"/var/cache/* "$1"/var/log/* "$1"/var/lib/postgresql']
    return [*words, "--include=" + ",".join(["usr-is-merged", *recipe.packages]), SUITE, str(tar)]


def dockerfile(recipe: Recipe) -> str:
    """Makes an image of the file system."""
    lines = ["FROM scratch", "ADD root.tar /", f"ENV PATH={recipe.path}", f"USER {recipe.user['id']}"]
    return "\n".join(lines) + "\n"


def make(recipe: Recipe, store: Store) -> None:
    """The image from Debian packages; about half a minute and 100 MB of downloads."""
    with tempfile.TemporaryDirectory(prefix="shop-base-") as folder:
        run(bootstrap(recipe, Path(folder, "root.tar")))
        Path(folder, "Dockerfile").write_text(dockerfile(recipe))
        store.build(recipe.marked, Path(folder, "Dockerfile"), Path(folder), layers=False)
    store.tag(recipe.marked, recipe.name)


def adopt(recipe: Recipe, store: Store) -> None:
    """The image under our name from the registry where it can be pulled."""
    store.pull(recipe.upstream)
    for name in (recipe.marked, recipe.name):
        store.tag(recipe.upstream, name)


def ensure_bases(store: Store, *, local: bool) -> list[str]:
    """Makes the base images that are missing or whose recipe has changed; names of those made."""
    there = set(store.names())
    missing = [recipe for recipe in recipes() if {recipe.name, recipe.marked} - there]
    if missing and local and not shutil.which("mmdebstrap"):
        raise Failure("mmdebstrap is missing: run `make tools`")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda recipe: make(recipe, store) if local else adopt(recipe, store), missing))
    return [recipe.name for recipe in missing]


def ensure_uv(store: Store, uv: Path) -> None:
    """The image with uv in it that dependencies are installed with where pip cannot bring it."""
    marked = f"shop/python-uv:recipe-{digest(uv.parent, [uv], python_recipe().marked)}"
    if marked in store.names():
        return
    with tempfile.TemporaryDirectory(prefix="shop-base-") as folder:
        shutil.copy(uv, Path(folder, "uv"))
        Path(folder, "Dockerfile").write_text(f"FROM {PYTHON}\nUSER root\nCOPY uv /usr/local/bin/uv\n")
        store.build(marked, Path(folder, "Dockerfile"), Path(folder), layers=False)
    store.tag(marked, PYTHON_UV)


def python_recipe() -> Recipe:
    """The recipe that services and operator stand on."""
    return next(recipe for recipe in recipes() if recipe.name == PYTHON)
