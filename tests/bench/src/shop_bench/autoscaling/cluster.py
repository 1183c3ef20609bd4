"""The cluster while it is measured: what happens in it is watched, one service of it is treated."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

from shop_platform.kubectl import Json, Kubectl
from shop_platform.platform import SHOP
from shop_platform.process import Failure
from shop_platform.status import quantity

from shop_bench.autoscaling import timeline
from shop_bench.autoscaling.timeline import Seen
from shop_bench.autoscaling.treatments import Treatment, in_force, patch, restless, restored

SETTLE_SECONDS = 420.0
"""Until a treatment is in force: the other's HPA has to go, pods that are too many have to end."""
LOOK_SECONDS = 20.0
"""Until the HPA controller has looked at another metric: a period and a bit."""
WATCH_SECONDS = 3600
METRICS = f"/apis/metrics.k8s.io/v1beta1/namespaces/{SHOP}/pods"
SHOPSERVICE = "shopservices.shopservice.dev"


class Watch:
    """Everything that a watch tells while the block lasts, with the time at which it came.

    Times of the API server's own have whole seconds; these are this machine's, as the load's are.
    """

    def __init__(self, kubectl: Kubectl, path: str, **selectors: str) -> None:
        """`path` of a list; `selectors` are labelSelector and fieldSelector."""
        query = urlencode({"watch": "true", "timeoutSeconds": WATCH_SECONDS, **selectors})
        self._words = [str(kubectl.binary), *kubectl.flags, "get", "--raw", f"{path}?{query}"]
        self._seen: list[Seen] = []
        self._problem = ""

    def __enter__(self) -> Watch:
        self._process = subprocess.Popen(
            self._words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ended = self._process.poll()
        self._process.terminate()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        with self._process.stdout, self._process.stderr as errors:
            said = errors.read()
        if kind is None and (ended is not None or self._problem):
            raise Failure(f"the watch {self._words[-1]} ended early", said or self._problem)

    @property
    def seen(self) -> list[Seen]:
        """So far."""
        return list(self._seen)

    @property
    def runs(self) -> bool:
        """Whether more can come; when it cannot before the block ends, leaving it raises Failure."""
        return self._process.poll() is None and self._reader.is_alive()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.endswith("\n"):  # it was ended in the middle of it
                return
            event = json.loads(line)
            if event["type"] == "ERROR":
                self._problem = json.dumps(event["object"])
                return
            self._seen.append((time.time(), event))


class Cluster:
    """One service of the shop, and the way it is scaled."""

    def __init__(self, kubectl: Kubectl, service: str) -> None:
        self.kubectl, self.service = kubectl, service

    def spec(self) -> Json:
        """Of the ShopService, as it is written. Raises Failure where it is not autoscaled."""
        found = self.kubectl.get(SHOPSERVICE, self.service, f"--namespace={SHOP}").get("spec", {})
        if not found.get("autoscaling"):
            raise Failure(f"expected a ShopService {self.service} with autoscaling in {SHOP}: run `make up`")
        return dict(found)

    def treat(self, treatment: Treatment, usual: Json) -> float | None:
        """Puts it in force and waits until the service rests at its fewest pods. Raises Failure.

        When the HPA controller last looked, in Unix seconds; None where it has nothing to look at, or found
        the same all the time.
        """
        with self._autoscalers() as autoscalers:
            self._patch(patch(treatment, usual))
            floor = int(usual["autoscaling"].get("min", 1))
            _until_none(lambda: self._missing(treatment, floor), f"{treatment.key} is not in force")
            end = time.monotonic() + LOOK_SECONDS * (treatment.name != "fixed")
            while (look := timeline.last_look(autoscalers.seen, self.service)) is None:
                if time.monotonic() >= end:
                    break
                time.sleep(0.1)
        return look

    def restore(self, usual: Json) -> None:
        """As it was."""
        self._patch(restored(usual))

    def rest(self) -> None:
        """Waits until every service has its fewest pods. Raises Failure."""
        _until_none(lambda: ", ".join(restless(*self._found())), "services are scaled out, or not ready")

    def deployments(self) -> Watch:
        """Of the service."""
        path = f"/apis/apps/v1/namespaces/{SHOP}/deployments"
        return Watch(self.kubectl, path, fieldSelector=f"metadata.name={self.service}")

    def pods(self) -> Watch:
        """Of the service, not of its database."""
        labels = f"shopservice.dev/name={self.service},app.kubernetes.io/component=service"
        return Watch(self.kubectl, f"/api/v1/namespaces/{SHOP}/pods", labelSelector=labels)

    def rescales(self) -> Watch:
        """Events of HPAs that changed a number of pods; only this service's has a load."""
        fields = "involvedObject.kind=HorizontalPodAutoscaler,reason=SuccessfulRescale"
        return Watch(self.kubectl, f"/api/v1/namespaces/{SHOP}/events", fieldSelector=fields)

    def _autoscalers(self) -> Watch:
        """Of all services: KEDA chooses the names."""
        return Watch(self.kubectl, f"/apis/autoscaling/v2/namespaces/{SHOP}/horizontalpodautoscalers")

    def utilisation(self) -> float | None:
        """CPU of all its pods by what they request, in per cent, as an HPA reckons; None: not known now."""
        labels = f"shopservice.dev/name={self.service},app.kubernetes.io/component=service"
        pods = self.kubectl.items("pods", f"--namespace={SHOP}", f"--selector={labels}")
        asked = sum(
            quantity(container["resources"]["requests"]["cpu"])
            for pod in pods
            for container in pod["spec"]["containers"]
        )
        answer = json.loads(
            self.kubectl("get", "--raw", f"{METRICS}?{urlencode({'labelSelector': labels})}", timeout=10)
        )
        if not pods or len(answer["items"]) != len(pods):
            return None
        return 100 * used(answer["items"]) / asked

    def _missing(self, treatment: Treatment, floor: int) -> str:
        autoscalers, deployments = self._found()
        [deployment] = [one for one in deployments if one["metadata"]["name"] == self.service]
        return in_force(treatment, autoscalers, deployment, floor)

    def _found(self) -> tuple[list[Json], list[Json]]:
        """The shop's HPAs and Deployments."""
        found = self.kubectl.items("deployments,horizontalpodautoscalers", f"--namespace={SHOP}")
        autoscalers = [one for one in found if one["kind"] == "HorizontalPodAutoscaler"]
        return autoscalers, [one for one in found if one["kind"] == "Deployment"]

    def _patch(self, change: Json) -> None:
        text = json.dumps(change)
        self.kubectl(
            "patch", SHOPSERVICE, self.service, f"--namespace={SHOP}", "--type=merge", f"--patch={text}"
        )


def _until_none(missing: Callable[[], str], otherwise: str) -> None:
    """Asks every second what is missing; Failure says it when it still is after SETTLE_SECONDS."""
    end = time.monotonic() + SETTLE_SECONDS
    while found := missing():
        if time.monotonic() > end:
            raise Failure(f"{otherwise} after {SETTLE_SECONDS:.0f} s: {found}")
        time.sleep(1)


def used(pods: list[dict[str, Any]]) -> float:
    """Cores, of pods' metrics."""
    return sum(quantity(container["usage"]["cpu"]) for pod in pods for container in pod["containers"])
