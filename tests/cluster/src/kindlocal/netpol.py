"""NetworkPolicy for a node: watches pods, namespaces and policies and keeps the rules for them in place.

Run by the node as ``python -m kindlocal.netpol API_HOST PKI_FOLDER``, as a user that may read those three.

Limits: a new pod is open until its address is in its status (some 100 ms); connections that exist when a
policy comes stay; no IPv6.
"""

import http.client
import sys
import threading
import time
from pathlib import Path

from kindlocal.api import Api, ApiError, Object
from kindlocal.netpol_rules import ROOT, Rules, restore_text
from kindlocal.processes import run

WATCHED = {
    "pods": "/api/v1/pods",
    "namespaces": "/api/v1/namespaces",
    "policies": "/apis/networking.k8s.io/v1/networkpolicies",
}
HOOKS = ("FORWARD", "INPUT")  # INPUT: from a pod to the node itself, such as the API server
SETTLE = 0.05  # seconds; a rollout changes many objects at once


class Mirror:
    """The watched objects as they are now."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.objects: dict[str, dict[str, Object]] = {}
        self.lock = threading.Lock()
        self.changed = threading.Event()

    def follow(self, kind: str) -> None:
        """List and watch one kind for ever."""
        while True:
            try:
                version = self._list(kind)
                while version:
                    version = self._watch(kind, version)
            except (OSError, ValueError, http.client.HTTPException) as error:
                print(f"{kind}: {error}", flush=True)
                time.sleep(0.5)  # the API server restarts, or our rights are not there yet

    def _list(self, kind: str) -> str:
        answer = self.api.get(WATCHED[kind])
        with self.lock:
            self.objects[kind] = {one["metadata"]["uid"]: one for one in answer["items"]}
        self.changed.set()
        return str(answer["metadata"]["resourceVersion"])

    def _watch(self, kind: str, version: str) -> str:
        """Follow events; returns the version to go on from, or nothing when the list must be read again."""
        path = f"{WATCHED[kind]}?allowWatchBookmarks=true&resourceVersion={version}"
        try:
            for event in self.api.watch(path, 300):
                if event["type"] == "ERROR":
                    return ""
                one = event["object"]
                version = one["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    self._take(kind, event["type"], one)
        except ApiError as error:
            if error.status == http.client.GONE:
                return ""
            raise
        return version

    def _take(self, kind: str, event: str, one: Object) -> None:
        with self.lock:
            if event == "DELETED":
                self.objects[kind].pop(one["metadata"]["uid"], None)
            else:
                self.objects[kind][one["metadata"]["uid"]] = one
        self.changed.set()

    def next(self) -> Rules | None:
        """Wait for a change, let it settle, return the rules then; None before everything has been listed."""
        self.changed.wait()
        time.sleep(SETTLE)
        self.changed.clear()
        with self.lock:
            if len(self.objects) < len(WATCHED):
                return None
            return Rules(*(list(self.objects[kind].values()) for kind in WATCHED))


def present() -> list[str]:
    """Our chains that are there already: this process may be a successor."""
    listing = run("iptables", "-w", "-t", "mangle", "-S").splitlines()
    return [line.split()[1] for line in listing if line.startswith("-N KL-")]


def main() -> None:
    """Keep the rules up to date while the node lives; if one cannot be set, end and be started again."""
    before = present()
    if ROOT not in before:
        run("iptables-restore", "-w", "--noflush", text=restore_text({ROOT: []}, []))
        for hook in HOOKS:
            run("iptables", "-w", "-t", "mangle", "-I", hook, "-j", ROOT)
    mirror = Mirror(Api(sys.argv[1], Path(sys.argv[2]), "netpol"))
    for kind in WATCHED:
        threading.Thread(target=mirror.follow, args=[kind], daemon=True).start()
    chains: dict[str, list[str]] = {name: [] for name in before}
    while True:
        rules = mirror.next()
        if rules and (wanted := rules.chains()) != chains:
            run("iptables-restore", "-w", "--noflush", text=restore_text(wanted, chains))
            chains = wanted


if __name__ == "__main__":
    main()
