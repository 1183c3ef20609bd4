"""NetworkPolicy as rules: run over packets by a small reading of iptables, they decide as policies say."""

import ipaddress
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from kindlocal.netpol_rules import DIRECTIONS, ROOT, Rules, chain_name, networks, restore_text, selects

Object = dict[str, Any]


def pod(name: str, address: str, namespace: str = "shop", port: int = 8000, **labels: str) -> Object:
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": f"{namespace}/{name}", "labels": labels},
        "spec": {"containers": [{"ports": [{"name": "http", "containerPort": port}]}]},
        "status": {"podIP": address, "phase": "Running"},
    }


def namespace(name: str, **labels: str) -> Object:
    return {"metadata": {"name": name, "labels": labels}}


def policy(
    name: str = "p", namespace: str = "shop", types: tuple[str, ...] = ("Ingress",), **spec: Any
) -> Object:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"policyTypes": list(types), **spec}}


@cache
def inside(address: str, network: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network)


def passes(chains: dict[str, list[str]], source: str, target: str, port: int, protocol: str = "tcp") -> bool:
    """Whether a first packet comes through, by the meaning of the rules' words in iptables(8)."""

    def verdict(chain: str) -> bool:
        for rule in chains[chain]:
            words = rule.split()
            if "--ctstate" in words:
                continue
            match = dict(zip(words[::2], words[1::2], strict=True))
            jump = match.pop("-j")
            low, _, high = match.pop("--dport", "0:65535").partition(":")
            fits = int(low) <= port <= int(high or low)
            fits &= match.pop("-p", protocol) == protocol
            for flag, address in (("-s", source), ("-d", target)):
                fits &= inside(address, match.pop(flag, "0.0.0.0/0"))
            assert not match
            if not fits:
                continue
            if jump == "DROP":
                return False
            if jump == "RETURN":
                return True
            if not verdict(jump):
                return False
        return True

    return verdict(ROOT)


WEB, CLIENT, OTHER = (
    pod("web", "10.0.0.2", app="web"),
    pod("client", "10.0.0.3", app="client"),
    pod("other", "10.0.0.4", namespace="else", app="client"),
)
SPACES = [namespace("shop", team="shop"), namespace("else", team="else")]


def reach(*policies: Object, port: int = 8000, protocol: str = "tcp") -> dict[str, bool]:
    """Who reaches web."""
    chains = Rules([WEB, CLIENT, OTHER], SPACES, policies).chains()
    sources = {"client": "10.0.0.3", "other": "10.0.0.4", "outside": "192.0.2.1"}
    return {name: passes(chains, address, "10.0.0.2", port, protocol) for name, address in sources.items()}


ALL = {"client": True, "other": True, "outside": True}
NONE = {"client": False, "other": False, "outside": False}


def test_without_a_policy_everything_passes() -> None:
    assert reach() == ALL
    assert reach(policy(podSelector={"matchLabels": {"app": "client"}})) == ALL
    assert reach(policy(namespace="else", podSelector={})) == ALL


def test_a_policy_without_rules_denies_its_direction_only() -> None:
    assert reach(policy(podSelector={})) == NONE
    assert reach(policy(podSelector={}, types=("Egress",)))["outside"]


def test_an_empty_rule_allows_everything() -> None:
    assert reach(policy(podSelector={}, ingress=[{}])) == ALL


def test_policies_add_up() -> None:
    own = policy(podSelector={}, ingress=[{"from": [{"podSelector": {}}]}])
    assert reach(own) == {"client": True, "other": False, "outside": False}
    foreign = policy(
        podSelector={}, ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"team": "else"}}}]}]
    )
    assert reach(own, foreign) == {"client": True, "other": True, "outside": False}


def test_both_selectors_of_one_peer_must_match() -> None:
    both = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "client"}}}
    assert reach(policy(podSelector={}, ingress=[{"from": [both]}])) == {
        "client": True,
        "other": True,
        "outside": False,
    }


def test_ports_by_number_range_and_name() -> None:
    by_name = policy(podSelector={}, ingress=[{"ports": [{"port": "http"}]}])
    assert reach(by_name) == ALL
    assert reach(by_name, port=8001) == NONE
    assert reach(by_name, protocol="udp") == NONE
    in_range = policy(podSelector={}, ingress=[{"ports": [{"port": 8000, "endPort": 8005}]}])
    assert reach(in_range, port=8005) == ALL
    assert reach(in_range, port=8006) == NONE
    unknown = policy(podSelector={}, ingress=[{"ports": [{"port": "metrics"}]}])
    assert reach(unknown) == NONE


def test_blocks_of_addresses_and_their_exceptions() -> None:
    block = {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/24"]}
    assert reach(policy(podSelector={}, ingress=[{"from": [{"ipBlock": block}]}])) == {
        "client": False,
        "other": False,
        "outside": True,
    }
    peers = [{"ipBlock": block}, {"podSelector": {}}]
    assert reach(policy(podSelector={}, ingress=[{"from": peers}]))["client"]


def test_egress_is_decided_where_it_starts() -> None:
    only_web = policy(
        podSelector={"matchLabels": {"app": "client"}},
        types=("Egress",),
        egress=[{"to": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": "http"}]}],
    )
    chains = Rules([WEB, CLIENT, OTHER], SPACES, [only_web]).chains()
    assert passes(chains, "10.0.0.3", "10.0.0.2", 8000)
    assert not passes(chains, "10.0.0.3", "10.0.0.2", 9000)
    assert not passes(chains, "10.0.0.3", "10.0.0.4", 8000)
    assert passes(chains, "10.0.0.4", "192.0.2.1", 443)


def test_pods_that_have_no_address_of_their_own_are_left_alone() -> None:
    on_host = pod("host", "10.0.0.9")
    on_host["spec"]["hostNetwork"] = True
    done = pod("done", "10.0.0.8")
    done["status"]["phase"] = "Succeeded"
    waiting = pod("waiting", "10.0.0.7")
    del waiting["status"]["podIP"]
    chains = Rules([on_host, done, waiting], SPACES, [policy(podSelector={})]).chains()
    assert list(chains) == [ROOT]


def test_selectors() -> None:
    labels = {"app": "web", "tier": "front"}
    expressions = [
        ({"key": "app", "operator": "In", "values": ["web", "api"]}, True),
        ({"key": "app", "operator": "NotIn", "values": ["web"]}, False),
        ({"key": "none", "operator": "NotIn", "values": ["web"]}, True),
        ({"key": "tier", "operator": "Exists"}, True),
        ({"key": "tier", "operator": "DoesNotExist"}, False),
    ]
    for expression, expected in expressions:
        assert selects({"matchExpressions": [expression]}, labels) is expected
        assert selects({"matchLabels": {"app": "web"}, "matchExpressions": [expression]}, labels) is expected
    assert selects(None, None)
    assert not selects({"matchLabels": {"app": "web"}}, None)


def test_chains_that_are_gone_are_removed_in_the_same_transaction() -> None:
    text = restore_text({ROOT: ["-d 10.0.0.2/32 -j KL-I-new"], "KL-I-new": ["-j DROP"]}, [ROOT, "KL-I-old"])
    assert text.splitlines() == [
        "*mangle",
        f":{ROOT} - [0:0]",
        ":KL-I-new - [0:0]",
        ":KL-I-old - [0:0]",
        f"-A {ROOT} -d 10.0.0.2/32 -j KL-I-new",
        "-A KL-I-new -j DROP",
        "-X KL-I-old",
        "COMMIT",
    ]
    assert all(len(chain_name(WEB, direction)) <= 28 for direction in DIRECTIONS)


CIDR = st.tuples(st.integers(0, 15), st.integers(28, 32)).map(
    lambda pair: str(ipaddress.ip_network((f"10.0.0.{pair[0]}", pair[1]), strict=False))
)


@given(CIDR, st.lists(CIDR, max_size=4))
def test_a_block_without_its_exceptions_is_exactly_that(cidr: str, exceptions: list[str]) -> None:
    found = [ipaddress.ip_network(text) for text in networks({"cidr": cidr, "except": exceptions})]
    for last in range(32):
        address = ipaddress.ip_address(f"10.0.0.{last}")
        expected = address in ipaddress.ip_network(cidr) and not any(
            address in ipaddress.ip_network(text) for text in exceptions
        )
        assert sum(address in network for network in found) == expected


LABELS = st.fixed_dictionaries({}, optional={"app": st.sampled_from("ab"), "tier": st.sampled_from("xy")})
SELECTOR = st.one_of(st.just({}), LABELS.map(lambda labels: {"matchLabels": labels}))
PEER = st.one_of(
    st.builds(lambda pods: {"podSelector": pods}, SELECTOR),
    st.builds(lambda spaces: {"namespaceSelector": spaces}, SELECTOR),
    st.builds(lambda pods, spaces: {"podSelector": pods, "namespaceSelector": spaces}, SELECTOR, SELECTOR),
    st.builds(lambda cidr: {"ipBlock": {"cidr": cidr}}, CIDR),
)
PORT = st.one_of(st.builds(lambda port: {"port": port}, st.integers(1, 4)), st.just({"port": "http"}))
RULE = st.fixed_dictionaries(
    {}, optional={"peers": st.lists(PEER, max_size=2), "ports": st.lists(PORT, max_size=2)}
)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Object], list[Object], list[Object]]:
    spaces = [namespace(name, **draw(LABELS)) for name in ("one", "two")]
    pods = [
        pod(
            f"p{i}",
            f"10.0.0.{i}",
            draw(st.sampled_from(["one", "two"])),
            port=draw(st.integers(1, 3)),
            **draw(LABELS),
        )
        for i in range(1, 5)
    ]
    policies = []
    for _ in range(draw(st.integers(0, 4))):
        spec: Object = {"podSelector": draw(SELECTOR)}
        types = draw(st.lists(st.sampled_from(["Ingress", "Egress"]), min_size=1, unique=True))
        for key, side in (("ingress", "from"), ("egress", "to")):
            rules = draw(st.lists(RULE, max_size=2))
            spec[key] = [{side: rule.get("peers", []), "ports": rule.get("ports", [])} for rule in rules]
        policies.append(policy(namespace=draw(st.sampled_from(["one", "two"])), types=tuple(types), **spec))
    return pods, spaces, policies


def allowed(
    world: tuple[list[Object], list[Object], list[Object]], source: Object, target: Object, port: int
) -> bool:
    """The words of the API reference, straight over the objects."""
    _, spaces, policies = world
    labels = {one["metadata"]["name"]: one["metadata"]["labels"] for one in spaces}

    def agrees(peer: Object, space: str, other: Object) -> bool:
        if "ipBlock" in peer:
            return inside(other["status"]["podIP"], peer["ipBlock"]["cidr"])
        its = other["metadata"]["namespace"]
        near = (
            selects(peer["namespaceSelector"], labels[its]) if "namespaceSelector" in peer else its == space
        )
        return near and selects(peer.get("podSelector"), other["metadata"]["labels"])

    def open_port(entries: list[Object]) -> bool:
        http = target["spec"]["containers"][0]["ports"][0]["containerPort"]
        return not entries or any(
            port == (http if entry["port"] == "http" else entry["port"]) for entry in entries
        )

    for kind, key, side, own, other in (
        ("Ingress", "ingress", "from", target, source),
        ("Egress", "egress", "to", source, target),
    ):
        active = [
            one
            for one in policies
            if kind in one["spec"]["policyTypes"]
            and one["metadata"]["namespace"] == own["metadata"]["namespace"]
            and selects(one["spec"]["podSelector"], own["metadata"]["labels"])
        ]
        if active and not any(
            open_port(rule["ports"])
            and (
                not rule[side]
                or any(agrees(peer, one["metadata"]["namespace"], other) for peer in rule[side])
            )
            for one in active
            for rule in one["spec"][key]
        ):
            return False
    return True


@settings(max_examples=150, deadline=None)
@given(worlds())
def test_rules_decide_as_the_policies_say(world: tuple[list[Object], list[Object], list[Object]]) -> None:
    chains = Rules(*world).chains()
    for source in world[0]:
        for target in world[0]:
            for port in range(1, 5):
                if source is not target:
                    addresses = source["status"]["podIP"], target["status"]["podIP"]
                    assert passes(chains, *addresses, port) == allowed(world, source, target, port)
