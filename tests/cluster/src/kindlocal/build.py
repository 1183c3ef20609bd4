"""``kindlocal-build``: everything that a cluster runs, built once into the cache.

bin/          programs                     modules.json  module -> folder of its source
images/       archives of images           images.json   image -> {reference, archive: path below the cache}
stamps/       what each was built from: a different recipe is built anew
"""

import argparse
import fcntl
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from kindlocal import archive, debian, gobuild, pins
from kindlocal.errors import KindlocalError
from kindlocal.paths import cache, cache_table
from kindlocal.pins import Image, Module
from kindlocal.processes import end_tidily, run

IMAGES = (*pins.NODE_IMAGES, *pins.ADDON_IMAGES)


@contextmanager
def progress(what: str) -> Iterator[None]:
    """One line: what is being done, and when it is, how long it took."""
    started = time.monotonic()
    print(what, end=" … ", flush=True)
    try:
        yield
    except BaseException:
        print("failed", flush=True)
        raise
    print(f"done in {duration(time.monotonic() - started)}", flush=True)


def duration(seconds: float) -> str:
    """``4 m 31 s`` or ``3.2 s``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} m {rest} s" if minutes else f"{seconds:.1f} s"


def stamped(name: str, recipe: str, products: Sequence[Path]) -> bool:
    """Whether the products are there and come from this recipe."""
    stamp = cache() / "stamps" / name
    return all(path.exists() for path in products) and stamp.exists() and stamp.read_text() == _digest(recipe)


def _stamp(name: str, recipe: str) -> None:
    folder = cache() / "stamps"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(_digest(recipe))


def _digest(recipe: str) -> str:
    return hashlib.sha256(recipe.encode()).hexdigest()


def _update(file: str, key: str, value: object) -> None:
    path = cache() / file
    table = cache_table(file)
    if table.get(key) != value:
        draft = path.with_suffix(".tmp")
        draft.write_text(json.dumps({**table, key: value}, indent=2))
        draft.rename(path)


def packages() -> None:
    """Install the Debian packages that are missing."""
    if absent := debian.missing(pins.DEBIAN_PACKAGES):
        with progress(f"installing {' '.join(absent)}"):
            debian.install(absent)


def module(one: Module) -> None:
    """Build a module's programs, unless they are there."""
    recipe = gobuild.recipe(one)
    if not stamped(one.name, recipe, [cache() / "bin" / program for program in one.programs]):
        with progress(f"building {one.name} {one.version.removeprefix('v')} (usually {usual(one.minutes)})"):
            folder = gobuild.Builder(one).build()
            if folder:
                _update("modules.json", one.path, str(folder))
            _stamp(one.name, recipe)
    elif one.path:
        source(one)


def source(one: Module) -> None:
    """Fetch a module's source alone, for the manifests in it, unless it is there."""
    if not Path(str(cache_table("modules.json").get(one.path, "/nonexistent"))).exists():
        with progress(f"fetching the source of {one.name} {one.version.removeprefix('v')}"):
            _update("modules.json", one.path, str(gobuild.source_folder(gobuild.find_go(), one)))


def usual(minutes: float) -> str:
    """``5 min`` or ``20 s``."""
    return f"{minutes:g} min" if minutes >= 1 else f"{minutes * 60:.0f} s"


def image(one: Image) -> None:
    """Make an image's archive, unless it is there and its program is the same."""
    target = cache() / "images" / f"{one.name}.tar"
    recipe = repr(one)
    if one.program:
        owner = next(each for each in pins.MODULES if one.program in each.programs)
        recipe += gobuild.recipe(owner)
    if stamped(f"image-{one.name}", recipe, [target]):
        return
    with progress(f"making the image {one.reference.partition(':{')[0].partition(':v{')[0]}"):
        target.parent.mkdir(exist_ok=True)
        draft = target.with_suffix(".tmp")
        if one.program:
            program = cache() / "bin" / one.program
            reference = one.reference
            archive.write(draft, reference, [one.path], one.user, {one.path: program}, {})
        else:
            reference = _from_debian(one, draft)
        draft.rename(target)
        _update(
            "images.json", one.name, {"reference": reference, "archive": str(target.relative_to(cache()))}
        )
        _stamp(f"image-{one.name}", recipe)


def _from_debian(one: Image, out: Path) -> str:
    with debian.unpacked(one.debian) as (root, version):
        program = root / one.binary.lstrip("/")
        files = {one.path: program, **{str(path): path.resolve() for path in debian.libraries(program)}}
        if one.data:
            read = [path for path in (root / one.data.lstrip("/")).rglob("*") if path.is_file()]
            files |= {f"/{path.relative_to(root)}": path for path in read}
        links, entry = {}, [one.path]
        if one.name == "busybox":
            applets = run(program, "--list").split()
            links = {f"/bin/{name}": "/bin/busybox" for name in applets if name != "busybox"}
            entry = []
        reference = one.reference.format(version=version)
        archive.write(out, reference, entry, one.user, files, links)
    return reference


def steps() -> dict[str, Callable[[], None]]:
    """Everything that can be asked for, in the order in which it is done."""
    found: dict[str, Callable[[], None]] = {"packages": packages}
    found |= {one.name: partial(module, one) for one in pins.MODULES}
    # For who asks by name, because another kind runs the cluster and pulls the images.
    found |= {f"source-{one.name}": partial(source, one) for one in pins.MODULES if one.path}
    return found | {f"image-{one.name}": partial(image, one) for one in IMAGES}


@contextmanager
def alone() -> Iterator[None]:
    """One build at a time: two cores, one cache."""
    cache().mkdir(parents=True, exist_ok=True)
    with open(cache() / ".lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with progress("waiting for another kindlocal-build"):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Build what is named, or everything."""
    end_tidily()
    every = steps()
    parser = argparse.ArgumentParser(
        prog="kindlocal-build",
        description="Builds what a local cluster runs, once, into $KINDLOCAL_CACHE or ~/.cache/kindlocal.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default all of: {' '.join(every)}")
    names = parser.parse_args().names
    try:
        for name in names:
            if name not in every:
                raise KindlocalError(f"nothing is called {name!r}: choose from {' '.join(every)}")
        with alone():
            for name in names or every:
                every[name]()
    except (KindlocalError, OSError) as error:
        sys.exit(f"ERROR: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
