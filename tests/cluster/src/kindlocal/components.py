"""The programs of a node: their command lines and configuration files."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from string import Template

from kindlocal import kubeconfig
from kindlocal.cluster import Cluster
from kindlocal.paths import binary, tool
from kindlocal.pins import PAUSE
from kindlocal.pki import Authority, signing_key

CNI_PLUGINS = Path("/usr/lib/cni")

FOLDERS = (
    *("logs", "cni", "etcd", "containerd", "opt", "var/log/pods", "var/log/containers", "var/lib/kubelet"),
    *("var/lib/cni", "var/tmp", "var/local-path-provisioner"),
)

FIRST = ("etcd", "containerd", "kube-apiserver")
"""Started at once, the others when the API server is ready: else the kubelet backs off for seconds."""

CONTAINERD = """version = 2
root = "$folder/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
  address = "$socket"
[plugins."io.containerd.internal.v1.opt"]
  path = "$folder/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$pause"
  restrict_oom_score_adj = true       # without CAP_SYS_RESOURCE a negative oom_score_adj would fail runc
  disable_apparmor = true
  enable_unprivileged_ports = true    # as in containerd 2, which kind has: a non-root pod may bind port 80
  enable_unprivileged_icmp = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$cni"
    conf_dir = "$folder/cni"
"""

KUBELET = """apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {x509: {clientCAFile: $pki/ca.crt}, anonymous: {enabled: false}, webhook: {enabled: true}}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: /$cgroup
failCgroupV1: false
failSwapOn: false
clusterDNS: [$dns]
clusterDomain: cluster.local
containerRuntimeEndpoint: unix://$socket
featureGates: {KubeletInUserNamespace: true}   # tolerates sysctls and scores that need CAP_SYS_RESOURCE
tlsCertFile: $pki/kubelet.crt
tlsPrivateKeyFile: $pki/kubelet.key
resolvConf: $folder/resolv.conf
providerID: kind://docker/$name/$node
serializeImagePulls: false
syncFrequency: 10s                             # by default a changed Secret reaches its mount after a minute
imageGCHighThresholdPercent: 100               # an image that was loaded could not be pulled again
evictionHard: {memory.available: 100Mi, nodefs.available: 0%, nodefs.inodesFree: 0%, imagefs.available: 0%}
"""

KUBE_PROXY = """apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $folder/kube-proxy.kubeconfig}
mode: iptables
clusterCIDR: $pods
hostnameOverride: $node
bindAddress: $address
metricsBindAddress: 127.0.0.1:10249
# Settings of the whole machine, read-only in a network namespace.
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
iptables: {minSyncPeriod: 200ms}
"""


def configure(cluster: Cluster) -> None:
    """Write everything that the programs read."""
    for name in FOLDERS:
        (cluster.folder / name).mkdir(parents=True)
    values = {
        "name": cluster.name,
        "node": cluster.node,
        "folder": cluster.folder,
        "socket": cluster.socket,
        "pki": cluster.pki,
        "cgroup": cluster.cgroup,
        "pods": cluster.pods,
        "dns": cluster.dns_address,
        "address": cluster.node_address,
        "pause": PAUSE.reference,
        "cni": CNI_PLUGINS,
    }
    files = {"containerd.toml": CONTAINERD, "kubelet.yaml": KUBELET, "kube-proxy.yaml": KUBE_PROXY}
    for name, text in files.items():
        (cluster.folder / name).write_text(Template(text).substitute(values))
    (cluster.folder / "cni" / "10-ptp.conflist").write_text(json.dumps(_cni(cluster)))
    (cluster.folder / "resolv.conf").touch()  # pods must not learn the host's resolver


def _cni(cluster: Cluster) -> dict[str, object]:
    # ptp, not bridge: every packet between pods is routed, so iptables sees it without br_netfilter.
    ipam = {
        "type": "host-local",
        "ranges": [[{"subnet": cluster.pods}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    ptp = {"type": "ptp", "ipMasq": False, "ipam": ipam}
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": cluster.context, "plugins": [ptp, portmap]}


def certify(cluster: Cluster) -> None:
    """Make the certificates, and a kubeconfig for every client."""
    authority = Authority(cluster.pki)
    service = ["kubernetes", *(f"kubernetes.default{end}" for end in ("", ".svc", ".svc.cluster.local"))]
    addresses = ["127.0.0.1", cluster.api_address, cluster.node_address]
    api = [f"DNS:{name}" for name in (*service, "localhost", cluster.node)]
    node = [f"DNS:{cluster.node}", "DNS:localhost", "IP:127.0.0.1", f"IP:{cluster.node_address}"]
    wanted: dict[str, tuple[str, list[str]]] = {
        "apiserver": ("/CN=kube-apiserver", api + [f"IP:{address}" for address in addresses]),
        "admin": ("/O=system:masters/CN=kubernetes-admin", []),
        "kube-controller-manager": ("/CN=system:kube-controller-manager", []),
        "kube-scheduler": ("/CN=system:kube-scheduler", []),
        "kubelet": (f"/O=system:nodes/CN=system:node:{cluster.node}", node),
        "kube-proxy": ("/CN=system:kube-proxy", []),
        "netpol": ("/CN=kindlocal:netpol", []),
        "front-proxy": ("/CN=front-proxy-client", []),
        "apiserver-kubelet": ("/O=system:masters/CN=kube-apiserver-kubelet-client", []),
    }
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(authority.issue, name, *what) for name, what in wanted.items()]
        jobs.append(pool.submit(signing_key, cluster.pki))
        for job in jobs:
            job.result()
    for user in ("admin", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"):
        certificate, key = authority.certificate(user), authority.key(user)
        credentials = {
            "client-certificate-data": kubeconfig.encoded(certificate),
            "client-key-data": kubeconfig.encoded(key),
        }
        config = kubeconfig.document(
            cluster.context, cluster.server, authority.certificate("ca"), credentials
        )
        kubeconfig.write(cluster.folder / f"{user}.kubeconfig", config)


def commands(cluster: Cluster) -> dict[str, list[str]]:
    """The command line of every program of the node, by its name."""
    folder, pki = cluster.folder, cluster.pki

    def clients(user: str) -> list[str]:
        kinds = ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
        return [f"--{kind}={folder}/{user}.kubeconfig" for kind in kinds]

    return {
        "etcd": [
            str(binary("etcd")),
            f"--data-dir={folder}/etcd",
            "--unsafe-no-fsync",
            "--listen-client-urls=http://127.0.0.1:2379",
            "--advertise-client-urls=http://127.0.0.1:2379",
            "--listen-peer-urls=http://127.0.0.1:2380",
        ],
        "containerd": [tool("containerd"), f"--config={folder}/containerd.toml"],
        "kube-apiserver": [
            str(binary("kube-apiserver")),
            "--etcd-servers=http://127.0.0.1:2379",
            f"--advertise-address={cluster.node_address}",
            "--secure-port=6443",
            f"--client-ca-file={pki}/ca.crt",
            f"--tls-cert-file={pki}/apiserver.crt",
            f"--tls-private-key-file={pki}/apiserver.key",
            f"--kubelet-client-certificate={pki}/apiserver-kubelet.crt",
            f"--kubelet-client-key={pki}/apiserver-kubelet.key",
            f"--kubelet-certificate-authority={pki}/ca.crt",
            "--kubelet-preferred-address-types=InternalIP",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={pki}/sa.pub",
            f"--service-account-signing-key-file={pki}/sa.key",
            f"--service-cluster-ip-range={cluster.services}",
            "--allow-privileged",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            # The aggregation layer, for metrics-server and KEDA; straight to their pods.
            "--enable-aggregator-routing",
            f"--requestheader-client-ca-file={pki}/ca.crt",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={pki}/front-proxy.crt",
            f"--proxy-client-key-file={pki}/front-proxy.key",
        ],
        "kube-controller-manager": [
            str(binary("kube-controller-manager")),
            *clients("kube-controller-manager"),
            # The default of 20 requests a second makes its start 5 s long.
            "--kube-api-qps=300",
            "--kube-api-burst=500",
            "--leader-elect=false",
            "--use-service-account-credentials",
            "--bind-address=127.0.0.1",
            f"--root-ca-file={pki}/ca.crt",
            f"--service-account-private-key-file={pki}/sa.key",
            f"--cluster-signing-cert-file={pki}/ca.crt",
            f"--cluster-signing-key-file={pki}/ca.key",
            f"--service-cluster-ip-range={cluster.services}",
            f"--cluster-cidr={cluster.pods}",
            "--allocate-node-cidrs",
        ],
        "kube-scheduler": [
            str(binary("kube-scheduler")),
            *clients("kube-scheduler"),
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
        ],
        "kubelet": [
            str(binary("kubelet")),
            f"--config={folder}/kubelet.yaml",
            f"--kubeconfig={folder}/kubelet.kubeconfig",
            f"--hostname-override={cluster.node}",
            f"--node-ip={cluster.node_address}",
        ],
        "kube-proxy": [str(binary("kube-proxy")), f"--config={folder}/kube-proxy.yaml"],
        "netpol": [sys.executable, "-P", "-m", "kindlocal.netpol", cluster.node_address, str(pki)],
    }
