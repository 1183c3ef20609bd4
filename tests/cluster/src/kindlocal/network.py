"""The host's side of a cluster's network: one veth pair, one route to the node, one route to nowhere."""

from kindlocal.cluster import COUNT, Cluster
from kindlocal.errors import KindlocalError
from kindlocal.processes import run


def free_index(used: set[int]) -> int:
    """The first index whose addresses neither a cluster nor anything else on this machine uses.

    Raises KindlocalError when there is none.
    """
    for index in range(COUNT):
        if index not in used and not _foreign_routes(
            run("ip", "-4", "route", "show", "root", _network(index))
        ):
            return index
    raise KindlocalError(
        f"no free address range: all of {_network(0)} to {_network(COUNT - 1)} are in use by clusters or by "
        "routes of this machine (`ip route`): delete a cluster or remove such a route"
    )


def _network(index: int) -> str:
    return Cluster("", index).network


def _foreign_routes(listing: str) -> list[str]:
    # Ours stay behind on purpose, see attach().
    return [line for line in listing.splitlines() if not line.startswith("unreachable")]


def attach(cluster: Cluster, pid: int) -> None:
    """Lay the cable into the namespace of process ``pid`` and route the cluster's addresses over it."""
    # Once the cluster is deleted, packets to it must not leave by the default route, where something else
    # might answer: this one setting stays until the next boot.
    run("ip", "route", "replace", "unreachable", cluster.network, "metric", "4096")
    run("ip", "link", "add", cluster.link, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
    run("ip", "addr", "add", f"{cluster.host_address}/30", "dev", cluster.link)
    run("ip", "link", "set", cluster.link, "up")
    run("ip", "route", "add", cluster.network, "via", cluster.node_address, "onlink", "dev", cluster.link)


def detach(cluster: Cluster) -> None:
    """Take the cable away, and with it the route; the kernel would too, a moment later."""
    run("ip", "link", "del", cluster.link, check=False)


def configure_node(cluster: Cluster) -> None:
    """Inside the node: addresses and the only route it has. None leads out, so nothing leaves the machine."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "addr", "add", f"{cluster.node_address}/30", "dev", "eth0")
    run("ip", "link", "set", "eth0", "up")
    # connect() to a Service's address wants some route before kube-proxy's rules rewrite the address.
    run("ip", "route", "add", cluster.services, "dev", "eth0")
    with open("/proc/sys/net/ipv4/ip_forward", "w") as setting:
        setting.write("1")
