"""What the platform needs beside Kubernetes, from the manifests inside the addons' own modules."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from shop_platform import media
from shop_platform.digest import digest, files_below
from shop_platform.kubectl import Kubectl, Marks
from shop_platform.paths import PLATFORM, build_cache
from shop_platform.process import Failure, run

OVERLAYS = PLATFORM / "addons"


@dataclass(frozen=True)
class Addon:
    """One overlay of addons/, what it takes from a module, and when it is ready."""

    name: str
    namespace: str
    ready: tuple[tuple[str, str], ...]  # (condition, objects separated by spaces) in the order of waiting
    upstream: tuple[str, str] | None = None  # module, path in it
    after: str | None = None
    made: Callable[[Kubectl], None] | None = None  # what its pods need and no manifest has


AVAILABLE = "condition=Available"
ADDONS = (
    Addon(
        "metrics-server",
        "kube-system",
        ((AVAILABLE, "deployment/metrics-server"), (AVAILABLE, "apiservice/v1beta1.metrics.k8s.io")),
        ("sigs.k8s.io/metrics-server", "manifests"),
    ),
    Addon(
        "keda",
        "keda",
        (
            (
                AVAILABLE,
                "deployment/keda-operator deployment/keda-admission deployment/keda-metrics-apiserver",
            ),
            (AVAILABLE, "apiservice/v1beta1.external.metrics.k8s.io"),
        ),
        ("github.com/kedacore/keda/v2", "config"),
    ),
    Addon(
        "prometheus-operator",
        "monitoring",
        ((AVAILABLE, "deployment/prometheus-operator"),),
        ("github.com/prometheus-operator/prometheus-operator", "bundle.yaml"),
    ),
    Addon(
        "monitoring",
        "monitoring",
        ((AVAILABLE, "prometheus/prometheus alertmanager/alertmanager"),),
        after="prometheus-operator",
    ),
    Addon("nats", "nats", (("jsonpath={.status.readyReplicas}=1", "statefulset/nats"),)),
    Addon("media", media.NAMESPACE, ((AVAILABLE, "deployment/media"),), made=media.ensure),
)


class Built:
    """What `kindlocal-build` noted: where the modules' sources lie, and which images it made."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or build_cache()

    def _table(self, name: str) -> dict[str, Any]:
        file = self._folder / name
        return dict(json.loads(file.read_text())) if file.exists() else {}

    def source(self, module: str) -> Path:
        """Folder of a module; its name ends with `@` and the version. Raises Failure when it is not here."""
        found = self._table("modules.json").get(module)
        if not found or not Path(found).exists():
            raise Failure(f"the manifests of {module} are not here: run `make tools`")
        return Path(found)

    def version(self, module: str) -> str:
        """Version of a module, `2.21.0`; raises Failure."""
        return self.source(module).name.rpartition("@v")[2]

    def archives(self) -> dict[str, str]:
        """Archive of each image by its reference."""
        images = self._table("images.json").values()
        return {one["reference"]: str(self._folder / one["archive"]) for one in images}

    def tag(self, name: str) -> str:
        """Tag of the image whose name ends so; empty when none was made here."""
        named = (image.rpartition(":") for image in self.archives())
        return next((tag for found, _, tag in named if found.endswith(name)), "")


PACKAGED = {
    "quay.io/prometheus/alertmanager": "0.25.0",
    "quay.io/prometheuscommunity/postgres-exporter": "0.11.1",
    "docker.io/oliver006/redis_exporter": "1.45.0",
}
"""Images that are made from Debian's packages, where they are made here; else pulled in these versions."""


def packaged(repository: str, built: Built) -> str:
    """The reference of an image of PACKAGED: in the version that Debian had when it was made here."""
    return f"{repository}:{built.tag(repository) or f'v{PACKAGED[repository]}'}"


def exporters(built: Built) -> dict[str, str]:
    """What stands beside databases and caches, as values of the operator's chart."""
    return {
        "postgresExporterImage": packaged("quay.io/prometheuscommunity/postgres-exporter", built),
        "redisExporterImage": packaged("docker.io/oliver006/redis_exporter", built),
    }


def values(built: Built) -> dict[str, str]:
    """Versions that overlays name as ${…}."""
    # Prometheus 3.15.0 is published as module v0.315.0.
    _, minor, patch = built.version("github.com/prometheus/prometheus").split(".")
    return {
        "KEDA": built.version("github.com/kedacore/keda/v2"),
        "METRICS_SERVER": built.version("sigs.k8s.io/metrics-server"),
        "PROMETHEUS": f"{int(minor) // 100}.{int(minor) % 100}.{patch}",
        "ALERTMANAGER": packaged("quay.io/prometheus/alertmanager", built).rpartition(":v")[2],
        "BUSYBOX": built.tag("/busybox") or "1.35.0",
        "NATS": built.version("github.com/nats-io/nats-server/v2"),
        "VERSITYGW": built.version("github.com/versity/versitygw"),
    }


def stage(addon: Addon, built: Built, folder: Path) -> None:
    """Puts the overlay and what it builds on into one folder, which is what kustomize asks for."""
    shutil.copytree(OVERLAYS / addon.name, folder, dirs_exist_ok=True)
    replaced = values(built)
    for file in files_below([folder]):
        file.write_text(Template(file.read_text()).safe_substitute(replaced))
    if addon.upstream:
        module, path = addon.upstream
        source = built.source(module) / path
        target = folder / "upstream"
        if source.is_dir():
            # The module cache is read-only; the copy must not be.
            shutil.copytree(source, target, copy_function=shutil.copyfile)
        else:
            target.mkdir()
            shutil.copyfile(source, target / source.name)


def render(addon: Addon, built: Built, kubectl: Path) -> str:
    """The addon's manifests."""
    with tempfile.TemporaryDirectory(prefix="shop-addon-") as folder:
        stage(addon, built, Path(folder))
        return run([kubectl, "kustomize", folder])


def recipe(addon: Addon, built: Built) -> str:
    """Digest of everything that the manifests are rendered from."""
    source = built.source(addon.upstream[0]).name if addon.upstream else ""
    return digest(OVERLAYS, [OVERLAYS / addon.name], source, json.dumps(values(built)))


def archives_in(manifests: str, built: Built) -> list[str]:
    """Archives of the images that manifests name and that were made here."""
    return [archive for image, archive in built.archives().items() if image in manifests]


def install(
    addon: Addon,
    kubectl: Kubectl,
    load: Callable[[list[str]], None],
    note: Callable[[str], None],
    built: Built | None = None,
) -> None:
    """Applies an addon if it is new or has changed, and waits until it is ready.

    `load` brings archives of images to the nodes. Raises Failure that names the pod that is to blame.
    """
    built = built or Built()
    marks = Marks(kubectl)
    key, value = f"addon.{addon.name}", recipe(addon, built)
    objects = [name for _, names in addon.ready for name in names.split()]
    if marks.read().get(key) != value or not kubectl.has(*objects, namespace=addon.namespace):
        note("rendering")
        manifests = render(addon, built, kubectl.binary)
        note("loading images")
        load(archives_in(manifests, built))
        note("applying")
        kubectl.apply(manifests)
        marks.write(**{key: value})
        note("waiting for its pods")
    if addon.made:
        addon.made(kubectl)
    for condition, names in addon.ready:
        kubectl.wait(condition, *names.split(), namespace=addon.namespace)
    note("ready")
