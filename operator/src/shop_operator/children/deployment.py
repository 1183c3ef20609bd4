"""The Deployment: the service's pods."""

from typing import Any

from shop_operator.api import Probe, Probes, ShopService
from shop_operator.api.pod import Rollout, TopologySpread
from shop_operator.children.container import container, main_port, pod
from shop_operator.children.context import Context, Manifest
from shop_operator.children.initcontainers import init_containers
from shop_operator.children.merge import merged
from shop_operator.children.meta import labels, manifest, selector

DRAIN_SECONDS = 5
"""How long a pod that was told to end still accepts requests: until every node has taken note."""
STARTUP_SECONDS = 120


def build(shop: ShopService, context: Context) -> list[Manifest]:
    """Names `replicas` only where nobody else does: with an autoscaler, be it somebody else's, the field is
    the autoscaler's."""
    rollout = shop.spec.rollout or Rollout()
    spec: dict[str, Any] = {
        "selector": {"matchLabels": selector(shop, "service")},
        "strategy": _strategy(rollout),
        "minReadySeconds": rollout.min_ready_seconds or None,
        "revisionHistoryLimit": rollout.revision_history_limit,
        "progressDeadlineSeconds": rollout.progress_deadline_seconds
        or STARTUP_SECONDS + 60 + rollout.min_ready_seconds,
        "template": _template(shop, context, rollout),
    }
    if shop.spec.autoscaling is None and not context.autoscalers:
        spec["replicas"] = 1 if shop.spec.replicas is None else shop.spec.replicas
    return [manifest(shop, "apps/v1", "Deployment", "service", spec=spec)]


def _strategy(rollout: Rollout) -> dict[str, Any]:
    """By default a new version that does not come up leaves the old one serving."""
    if rollout.type == "Recreate":
        return {"type": "Recreate"}
    surge, missing = rollout.max_surge, rollout.max_unavailable
    return {
        "type": "RollingUpdate",
        "rollingUpdate": {
            "maxUnavailable": 0 if missing is None else missing,
            "maxSurge": 1 if surge is None else surge,
        },
    }


def _template(shop: ShopService, context: Context, rollout: Rollout) -> dict[str, Any]:
    template = {
        "metadata": {
            "labels": {**copied_labels(shop, context), **labels(shop, "service")},
            "annotations": scrape_annotations(shop),
        },
        "spec": _pod(shop, context, rollout),
    }
    if shop.spec.pod_template is not None:
        template = merged(template, shop.spec.pod_template.given())
    return template


def copied_labels(shop: ShopService, context: Context) -> dict[str, str]:
    """Labels of the ShopService that its pods carry too, for instance Skaffold's."""
    prefixes = tuple(filter(None, (prefix.strip() for prefix in context.settings.copied_labels.split(","))))
    return {
        key: value
        for key, value in sorted(shop.metadata.labels.items())
        if prefixes and key.startswith(prefixes)
    }


def scrape_annotations(shop: ShopService) -> dict[str, str] | None:
    """For a Prometheus that finds pods by annotation, where the Prometheus Operator is absent."""
    monitoring = shop.spec.monitoring
    if monitoring is not None and not monitoring.enabled:
        return None
    return {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str((monitoring and monitoring.port) or main_port(shop)),
        "prometheus.io/path": monitoring.path if monitoring else "/metrics",
    }


def _pod(shop: ShopService, context: Context, rollout: Rollout) -> dict[str, Any]:
    grace = rollout.termination_grace_period_seconds
    main = container(shop, context, command=shop.spec.command, args=shop.spec.args)
    main["env"] = _with_default(main["env"], "DRAIN_SECONDS", str(min(DRAIN_SECONDS, grace // 2)))
    main["ports"] = container_ports(shop)
    main |= _probes(shop)
    return {
        **pod(shop, context),
        "terminationGracePeriodSeconds": grace,
        "topologySpreadConstraints": _spread(shop),
        "initContainers": init_containers(shop, context),
        "containers": [main],
    }


def _spread(shop: ShopService) -> list[dict[str, Any]]:
    placement = shop.spec.placement
    wanted = placement.topology_spread if placement else None
    if wanted is None:
        keys = ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        wanted = [TopologySpread(topology_key=key) for key in keys]
    return [_constraint(shop, one) for one in wanted]


def _constraint(shop: ShopService, wanted: TopologySpread) -> dict[str, Any]:
    constraint: dict[str, Any] = wanted.model_dump(by_alias=True, exclude_none=True)
    if wanted.label_selector is None:
        constraint["labelSelector"] = {"matchLabels": selector(shop, "service")}
        # Old and new pods of a rollout are spread apart from each other.
        constraint.setdefault("matchLabelKeys", ["pod-template-hash"])
    return constraint


def container_ports(shop: ShopService) -> list[dict[str, Any]]:
    """The declared ports, and the one that is scraped where it is not among them."""
    ports = {port.port: port.name for port in shop.spec.ports}
    monitoring = shop.spec.monitoring
    if monitoring is None or monitoring.enabled:
        ports.setdefault((monitoring and monitoring.port) or main_port(shop), "metrics")
    return [{"name": name, "containerPort": port, "protocol": "TCP"} for port, name in ports.items()]


def _probes(shop: ShopService) -> dict[str, Any]:
    wanted = shop.spec.probes or Probes()
    port = main_port(shop)
    return {
        "startupProbe": _probe(
            wanted.startup,
            port,
            "/healthz",
            {"periodSeconds": 1, "timeoutSeconds": 2, "failureThreshold": STARTUP_SECONDS},
        ),
        "readinessProbe": _probe(
            wanted.readiness,
            port,
            "/readyz",
            {"periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 3},
        ),
        "livenessProbe": _probe(
            wanted.liveness,
            port,
            "/healthz",
            {"periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3},
        ),
    }


def _probe(wanted: Probe | None, port: int, path: str, timing: dict[str, int]) -> dict[str, Any]:
    probe: dict[str, Any] = {**timing}
    given: dict[str, Any] = wanted.model_dump(by_alias=True, exclude_none=True) if wanted else {}
    http = {"path": path, **given.pop("httpGet", {})}
    probe |= {key: value for key, value in given.items() if value != 0}
    if "exec" not in given and "tcpSocket" not in given:
        probe["httpGet"] = {"port": port, "scheme": "HTTP", **http}
    return probe


def _with_default(env: list[dict[str, Any]], name: str, value: str) -> list[dict[str, Any]]:
    return env if any(item["name"] == name for item in env) else [*env, {"name": name, "value": value}]
