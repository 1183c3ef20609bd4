"""NetworkPolicy (networking.k8s.io/v1) as iptables rules; no input or output here.

Every pod that a policy selects has a chain for each direction that is policed: what the policies allow
returns, the rest is dropped. The chains hang in table ``mangle``: after a Service's address has been replaced
by a pod's and before kube-proxy's own filter rules.
"""

import hashlib
import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

ROOT = "KL-NETPOL"
EVERYWHERE = "0.0.0.0/0"


@dataclass(frozen=True)
class Direction:
    """Ingress or Egress: the keys of a policy and the matching sides of a packet."""

    type: str
    rules: str
    peers: str
    own: str
    peer: str


DIRECTIONS = (
    Direction("Ingress", "ingress", "from", own="-d", peer="-s"),
    Direction("Egress", "egress", "to", own="-s", peer="-d"),
)


def selects(selector: Object | None, labels: dict[str, str] | None) -> bool:
    """Whether a label selector matches; an empty one matches everything."""
    selector, labels = selector or {}, labels or {}
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_meets(expression, labels) for expression in selector.get("matchExpressions") or [])


def _meets(expression: Object, labels: dict[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def policed(pod: Object) -> bool:
    """Whether a pod has an IPv4 address of its own that is in use."""
    status = pod.get("status", {})
    address = status.get("podIP")
    used = status.get("phase") in ("Pending", "Running")
    return bool(address and used and ":" not in address and not pod["spec"].get("hostNetwork"))


def networks(block: Object) -> list[str]:
    """An ipBlock as IPv4 networks: its range without its exceptions."""
    whole = ipaddress.ip_network(block["cidr"], strict=False)
    if not isinstance(whole, ipaddress.IPv4Network):
        return []
    left = [whole]
    for text in block.get("except") or []:
        hole = ipaddress.ip_network(text, strict=False)
        if isinstance(hole, ipaddress.IPv4Network):
            left = [part for network in left for part in _without(network, hole)]
    return [str(network) for network in sorted(left)]


def _without(network: ipaddress.IPv4Network, hole: ipaddress.IPv4Network) -> Iterable[ipaddress.IPv4Network]:
    if network.subnet_of(hole):
        return []
    return network.address_exclude(hole) if hole.subnet_of(network) else [network]


def port_match(entry: Object, target: Object | None = None) -> str | None:
    """The match for an entry of a rule's ports; None for a name that the target's containers do not have."""
    protocol, port = entry.get("protocol", "TCP"), entry.get("port")
    if isinstance(port, str):
        port = _named_port(target, protocol, port)
        if port is None:
            return None
    end = f":{entry['endPort']}" if entry.get("endPort") else ""
    return f"-p {protocol.lower()}" + (f" --dport {port}{end}" if port else "")


def _named_port(pod: Object | None, protocol: str, name: str) -> int | None:
    containers = pod["spec"]["containers"] if pod else []
    for container in containers:
        for port in container.get("ports") or []:
            if port.get("name") == name and port.get("protocol", "TCP") == protocol:
                return int(port["containerPort"])
    return None


class Rules:
    """The chains for a moment's pods, namespaces and policies."""

    def __init__(
        self, pods: Iterable[Object], namespaces: Iterable[Object], policies: Iterable[Object]
    ) -> None:
        self.pods = [pod for pod in pods if policed(pod)]
        self.namespaces = {one["metadata"]["name"]: one["metadata"].get("labels") for one in namespaces}
        self.policies = list(policies)

    def chains(self) -> dict[str, list[str]]:
        """Rules by chain: ``ROOT`` sends a pod's packets through its chains, whose last rule drops."""
        root = ["-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"]
        chains = {ROOT: root}
        for pod in self.pods:
            for direction in DIRECTIONS:
                active = [policy for policy in self.policies if self._applies(policy, pod, direction)]
                if not active:
                    continue
                name = chain_name(pod, direction)
                root.append(f"{direction.own} {pod['status']['podIP']}/32 -j {name}")
                allowed = (match for policy in active for match in self._allowed(policy, pod, direction))
                chains[name] = [*(f"{match} -j RETURN" for match in dict.fromkeys(allowed)), "-j DROP"]
        return chains

    def _applies(self, policy: Object, pod: Object, direction: Direction) -> bool:
        # The API server fills in policyTypes.
        return (
            policy["metadata"]["namespace"] == pod["metadata"]["namespace"]
            and direction.type in policy["spec"].get("policyTypes", ["Ingress"])
            and selects(policy["spec"].get("podSelector"), pod["metadata"].get("labels"))
        )

    def _allowed(self, policy: Object, pod: Object, direction: Direction) -> Iterator[str]:
        for rule in policy["spec"].get(direction.rules) or []:
            peers = rule.get(direction.peers)
            addresses = self._addresses(peers, policy["metadata"]["namespace"]) if peers else [EVERYWHERE]
            for address in addresses:
                for entry in rule.get("ports") or [None]:
                    yield from self._matches(address, entry, pod, direction)

    def _matches(
        self, address: str, entry: Object | None, pod: Object, direction: Direction
    ) -> Iterator[str]:
        if entry is None:
            yield f"{direction.peer} {address}"
        elif isinstance(entry.get("port"), str) and direction.type == "Egress":
            # A name means what each pod that is connected to calls so.
            for other in self.pods:
                match = port_match(entry, other)
                if match and ipaddress.ip_address(other["status"]["podIP"]) in ipaddress.ip_network(address):
                    yield f"{direction.peer} {other['status']['podIP']}/32 {match}"
        elif match := port_match(entry, pod):
            yield f"{direction.peer} {address} {match}"

    def _addresses(self, peers: list[Object], namespace: str) -> Iterator[str]:
        for peer in peers:
            if "ipBlock" in peer:
                yield from networks(peer["ipBlock"])
                continue
            for pod in self.pods:
                its = pod["metadata"]["namespace"]
                if "namespaceSelector" in peer:
                    near = selects(peer["namespaceSelector"], self.namespaces.get(its))
                else:
                    near = its == namespace
                if near and selects(peer.get("podSelector"), pod["metadata"].get("labels")):
                    yield f"{pod['status']['podIP']}/32"


def chain_name(pod: Object, direction: Direction) -> str:
    """At most 28 characters are allowed."""
    return f"KL-{direction.type[0]}-{hashlib.sha1(pod['metadata']['uid'].encode()).hexdigest()[:16]}"


def restore_text(chains: dict[str, list[str]], before: Iterable[str]) -> str:
    """Input of ``iptables-restore --noflush``, one transaction; chains of ``before`` that are gone go."""
    gone = [name for name in before if name not in chains]
    lines = ["*mangle", *(f":{name} - [0:0]" for name in (*chains, *gone))]
    lines += [f"-A {name} {rule}" for name, rules in chains.items() for rule in rules]
    lines += [*(f"-X {name}" for name in gone), "COMMIT"]
    return "\n".join(lines) + "\n"
