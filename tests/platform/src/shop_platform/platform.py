"""A cluster with the platform on it: each part can be installed alone, and again."""

from __future__ import annotations

import json
import socket
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from shop_platform import auth, generate, media
from shop_platform.addons import ADDONS, Addon, Built, archives_in, exporters, install
from shop_platform.bases import recipes
from shop_platform.digest import digest
from shop_platform.images import GIVEN, Images, Plan, plan
from shop_platform.kind import Tools, find_tools
from shop_platform.kubectl import Kubectl, Marks
from shop_platform.layout import Layout
from shop_platform.observe import UP, query
from shop_platform.paths import CHARTS, MANIFESTS, PLATFORM, own_cache
from shop_platform.process import Failure, run, succeeds, tail
from shop_platform.progress import Note, Steps

CLUSTER = "shop"
CONFIG = PLATFORM / "kind.yaml"
NAMESPACES = MANIFESTS / "namespaces.yaml"
# Of the node, and of this machine (kind.yaml): what people and tests open.
PORTS = {
    "storefront": 30100,
    "catalog": 30080,
    "cart": 30081,
    "user": 30082,
    "order-taking": 30083,
    "order-processing": 30084,
    "warehouse": 30085,
    "logistics": 30086,
    "payment": 30087,
    "testgateway": 30088,
    "mailbox": 30089,
    "prometheus": 30090,
    "wishlist": 30091,
    "recommendation": 30092,
    "notification": 30093,
}
SEEDED = ("catalog", "warehouse")
SHOP, SYSTEM = "shop", "shop-system"
SERVES = "app.kubernetes.io/component=service"  # not its database or cache


def silent(_: str) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class Platform:
    """The platform on one cluster, which is known by kind's name for it."""

    name: str = CLUSTER
    kubeconfig: Path | None = None
    tools: Tools = field(default_factory=find_tools)
    env: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Variables of services that differ from the chart's, by service."""

    @classmethod
    def on(cls, cluster: Any, env: Mapping[str, Mapping[str, str]] | None = None) -> Platform:
        """The platform on a cluster of pytest-kind."""
        return cls(cluster.name, Path(cluster.kubeconfig_path), env=env or {})

    @cached_property
    def kubectl(self) -> Kubectl:
        """kubectl on this cluster."""
        return Kubectl(self.tools.kubectl, f"kind-{self.name}", self.kubeconfig)

    # The cluster

    def exists(self) -> bool:
        """Whether kind knows the cluster."""
        return self.name in run([self.tools.kind, "get", "clusters"]).split()

    def create(self, note: Note = silent) -> None:
        """Makes the cluster unless it is there; raises Failure."""
        file = ["--kubeconfig", str(self.kubeconfig)] if self.kubeconfig else []
        if self.exists():
            run([self.tools.kind, "export", "kubeconfig", "--name", self.name, *file])
            if self.answers():
                note("is there")
                return
        # One that was interrupted half-made is made anew by the local node's `create`.
        note("creating")
        config = ["--config", str(CONFIG)] if self.name == CLUSTER else []
        try:
            run([self.tools.kind, "create", "cluster", "--name", self.name, "--wait", "120s", *config, *file])
        except Failure as error:
            if not self.exists():
                raise
            hint = f"`{self.tools.kind.name} delete cluster --name {self.name}` removes it and its data"
            raise Failure(
                f"the cluster {self.name} is there but does not answer: {hint}", error.detail
            ) from error
        note("created")

    def answers(self) -> bool:
        """Whether its API server is ready."""
        return succeeds([self.tools.kubectl, *self.kubectl.flags, "get", "--raw", "/readyz"], timeout=10)

    def delete(self) -> None:
        """Removes the cluster and its entries in the kubeconfig."""
        file = ["--kubeconfig", str(self.kubeconfig)] if self.kubeconfig else []
        run([self.tools.kind, "delete", "cluster", "--name", self.name, *file])

    def url(self, service: str) -> str:
        """Where a Service of PORTS is reached from here: a mapped port, else the node's own address."""
        if self.name == CLUSTER and not answers("127.0.0.1", PORTS[service]):
            return f"http://{self.node_address}:{PORTS[service]}"
        return self.public_url(service)

    def public_url(self, service: str) -> str:
        """The same, known before anything answers there: what services tell browsers."""
        host = "127.0.0.1" if self.name == CLUSTER else self.node_address
        return f"http://{host}:{PORTS[service]}"

    @cached_property
    def node_address(self) -> str:
        """The address of the (first) node."""
        addresses = self.kubectl.items("nodes")[0]["status"]["addresses"]
        return next(str(one["address"]) for one in addresses if one["type"] == "InternalIP")

    # What runs on it

    def addons(self, tell: Note = print) -> None:
        """Installs the addons, all at once, and waits for them; raises Failure."""
        steps = Steps(tell=tell)
        self._addon_steps(steps)
        steps.finish()

    def _addon_steps(self, steps: Steps, *before: str) -> None:
        for addon in ADDONS:

            def work(note: Note, addon: Addon = addon) -> None:
                install(addon, self.kubectl, self._load_archives, note)

            steps.add(addon.name, work, after=[*before, addon.after] if addon.after else before)

    def _load_archives(self, archives: list[str]) -> None:
        if archives:
            run([self.tools.kind, "load", "image-archive", *archives, "--name", self.name])

    def libraries(self, planned: Plan, note: Note = silent) -> list[str]:
        """Makes base images and those of what others made, and names those that the node can have before all
        others: what most of its time goes to. Raises Failure."""
        found = Images(self.tools, note).libraries(planned)
        # Into another cluster than the local node each image is brought whole.
        return [*GIVEN, *(found if self.tools.local else [])]

    def images(self, planned: Plan, note: Note = silent) -> None:
        """Builds those that are missing; raises Failure."""
        generate.write(generate.chart_files(), generate.CHART_FILES)
        built = Images(self.tools, note).ensure(planned)
        note(f"{len(built)} built" if built else "unchanged")

    def load(self, planned: Plan, note: Note = silent, beside: Sequence[str] = ()) -> None:
        """Brings the images to the node, those that are not there, without the layers that came with those
        `beside` them; raises Failure."""
        self._load([*GIVEN, *planned.all.values()], note, beside)

    def _load(self, wanted: Iterable[str], note: Note, beside: Sequence[str] = ()) -> list[str]:
        marks = Marks(self.kubectl)
        there = marks.read()
        # An image has changed when its tag has, or for a base image, which keeps its tag, its recipe's mark.
        recipe = {recipe.name: recipe.marked for recipe in recipes()}
        known = {image: recipe.get(image, image) for image in wanted}
        key = {image: "image." + image.partition(":")[0].replace("/", ".") for image in known}
        missing = {image: mark for image, mark in known.items() if there.get(key[image]) != mark}
        if not missing:
            note("all there")
            return []
        images = list(missing)
        note(f"loading {', '.join(images)}")
        if self.tools.local:
            with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:  # in memory: read once, then gone
                archive = Path(folder, "images.tar")
                Layout(own_cache() / "images").archive(images, archive, beside)
                self._load_archives([str(archive)])
        else:
            run([self.tools.kind, "load", "docker-image", *images, "--name", self.name])
        marks.write(**{key[image]: mark for image, mark in missing.items()})
        note(f"{len(missing)} loaded")
        return images

    def prune(self, planned: Plan, note: Note = silent) -> None:
        """Lets go of images that newer ones have taken the place of; raises Failure."""
        gone = Images(self.tools, note).prune(planned)
        note(f"{len(gone)} removed")

    def install_operator(self, planned: Plan, note: Note = silent) -> None:
        """Installs or upgrades the operator by its chart and waits for it; raises Failure."""
        self.kubectl.apply(NAMESPACES.read_text())
        repository, _, tag = planned.operator.rpartition(":")
        given = {"image": {"repository": repository, "tag": tag}, **self._exporters()}
        self._helm("shop-operator", SYSTEM, given, ["deployment/shop-operator"], note)
        self.kubectl.wait("condition=Available", "deployment/shop-operator", namespace=SYSTEM, seconds=90)

    def _exporters(self) -> dict[str, str]:
        """Brings the exporters' images to the node, those that were made here; as values of the chart."""
        built = Built()
        images = exporters(built)
        marks, key, value = Marks(self.kubectl), "exporters", digest(CHARTS, [], *images.values())
        if marks.read().get(key) != value:
            self._load_archives(archives_in(" ".join(images.values()), built))
            marks.write(**{key: value})
        return images

    def install_shop(self, planned: Plan, note: Note = silent) -> None:
        """Installs or upgrades the shop by its chart; raises Failure. `wait_ready` waits for it."""
        auth.ensure(self.kubectl, SHOP)
        media.lend(self.kubectl, SHOP)
        objects = [f"shopservice.shopservice.dev/{name}" for name in planned.services]
        given = {"images": planned.services, "services": self.services(planned.services)}
        self._helm("shop", SHOP, given, objects, note)

    def services(self, names: Iterable[str]) -> dict[str, Any]:
        """What differs from the chart on this cluster, by service: address, media storage, `env`."""
        found: dict[str, Any] = {}
        for name in names:
            env = dict(self.env.get(name, {}))
            if name in ("storefront", "testgateway"):  # which have pages for browsers here
                env.setdefault("PUBLIC_URL", self.public_url(name))
            if name == "storefront":  # 3-D Secure
                env.setdefault("PAYMENT_ORIGINS", json.dumps([self.public_url("testgateway")]))
            if name.startswith("notification"):  # where links in mails lead
                env.setdefault("STOREFRONT_URL", self.public_url("storefront"))
            spec: dict[str, Any] = {}
            if name in PORTS:
                spec["expose"] = {"type": "NodePort", "nodePort": PORTS[name]}
            if name == "catalog":
                env = media.ENV | env
                spec["networkPolicy"] = {"egress": [media.EGRESS]}
            found[name] = ({"env": env} if env else {}) | ({"spec": spec} if spec else {})
        return {name: given for name, given in found.items() if given}

    def wait_ready(self, seconds: int = 180) -> None:
        """Waits until every ShopService says that it is Ready, and that it is the new version that serves.

        Raises Failure that names the pod that is to blame.
        """
        for condition in ("condition=Ready", "condition=Progressing=False"):
            self.kubectl.wait(
                condition, "shopservices.shopservice.dev", "--all", namespace=SHOP, seconds=seconds
            )

    def wait_scraped(self, seconds: float = 120) -> None:
        """Waits until Prometheus has metrics of every service that runs: without them none is scaled.

        Raises Failure that names those it has none of.
        """
        end = time.monotonic() + seconds
        while True:
            running = {
                one["metadata"]["name"]
                for one in self.kubectl.items("deployments", "-n", SHOP, "-l", SERVES)
                if one.get("status", {}).get("readyReplicas")
            }
            dumb = running - query(self.kubectl, UP).keys()
            if not dumb:
                return
            if time.monotonic() > end:
                names = ", ".join(sorted(dumb))
                hint = f"{self.url('prometheus')}/targets, `kubectl get podmonitors -n {SHOP}`"
                raise Failure(f"Prometheus has no metrics of {names} after {seconds:.0f} s: see {hint}")
            time.sleep(1)

    def token(self, scopes: str) -> str:
        """A token that the shop's services accept; `scopes` are separated by spaces. Raises Failure."""
        return auth.token(self.kubectl, SHOP, scopes)

    def seed(self, note: Note = silent) -> None:
        """A demo product of each kind, offers and stock; what is there stays as it is. Raises Failure."""
        note(self._seed("--few"))

    def seed_all(self) -> str:
        """All demo products with their pictures: what was made, in words. Raises Failure."""
        return self._seed("--pictures")

    def _seed(self, how: str) -> str:
        where = [f"{name}={self.url(name)}" for name in SEEDED]
        said = run([auth.SHOP, "seed", *where, how, "--key=/dev/stdin"], stdin=auth.key(self.kubectl, SHOP))
        return tail(said, 1)

    def install(self, tell: Note = print) -> None:
        """Everything up to Ready ShopServices, in parallel where it can be; raises Failure."""
        steps = Steps(tell=tell)
        self.add_steps(steps)
        steps.finish()

    def add_steps(self, steps: Steps) -> None:
        """The steps from no cluster to Ready ShopServices, the last ones `services` and `metrics`."""
        planned: list[Plan] = []
        first: list[str] = []
        loaded: list[str] = []
        steps.add("cluster", self.create)

        def libraries(note: Note) -> None:
            planned.append(plan())
            first.extend(self.libraries(planned[0], note))

        steps.add("libraries", libraries)
        steps.add("images", lambda note: self.images(planned[0], note), after=["libraries"])
        self._addon_steps(steps, "cluster")
        steps.add(
            "load libraries",
            lambda note: loaded.extend(self._load(first, note)),
            after=["cluster", "libraries"],
        )
        steps.add(
            "load",
            lambda note: self.load(planned[0], note, loaded),
            after=["images", "load libraries"],
        )
        # Removing takes as long as building; nobody waits for it.
        steps.add("old images", lambda note: self.prune(planned[0], note), after=["load"])
        steps.add("operator", lambda note: self.install_operator(planned[0], note), after=["load"])
        # The operator notices KEDA and Prometheus Operator when they come; the shop needs them to be Ready.
        ready = ["operator", *(addon.name for addon in ADDONS)]
        steps.add("shop", lambda note: self.install_shop(planned[0], note), after=ready)
        steps.add("services", lambda _: self.wait_ready(), after=["shop"])
        steps.add("metrics", lambda _: self.wait_scraped(), after=["services"])

    def _helm(
        self, release: str, namespace: str, values: dict[str, Any], objects: list[str], note: Note
    ) -> None:
        # Helm makes a new revision at every call, so it is called when something differs or is gone.
        chart = CHARTS / release
        given = yaml.safe_dump(values)
        marks, key = Marks(self.kubectl), f"release.{release}"
        value = digest(CHARTS, [chart], given)
        if marks.read().get(key) == value and self.kubectl.has(*objects, namespace=namespace):
            note("unchanged")
            return
        file = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        where = [f"--kube-context={self.kubectl.context}", f"--namespace={namespace}"]
        words = ["upgrade", "--install", release, str(chart), "--history-max=3", "--values=-"]
        run([self.tools.helm, *words, *file, *where], stdin=given)
        marks.write(**{key: value})
        note("installed")


def answers(host: str, port: int) -> bool:
    """Whether something accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
