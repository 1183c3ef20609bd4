"""The kinds that children can have: what the operator watches and is allowed to write."""

from typing import NamedTuple


class ChildKind(NamedTuple):
    """A kind of child, as the API server addresses it."""

    api_version: str
    kind: str
    plural: str
    optional: bool = False
    """From a CRD of somebody else, which may be missing."""

    @property
    def group(self) -> str:
        """API group; "" for the core group."""
        return self.api_version.rpartition("/")[0]


CHILD_KINDS = (
    ChildKind("v1", "ServiceAccount", "serviceaccounts"),
    ChildKind("v1", "Secret", "secrets"),
    ChildKind("v1", "ConfigMap", "configmaps"),
    ChildKind("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    ChildKind("v1", "Service", "services"),
    ChildKind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies"),
    ChildKind("apps/v1", "StatefulSet", "statefulsets"),
    ChildKind("batch/v1", "Job", "jobs"),
    ChildKind("batch/v1", "CronJob", "cronjobs"),
    ChildKind("apps/v1", "Deployment", "deployments"),
    ChildKind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets"),
    ChildKind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
    ChildKind("networking.k8s.io/v1", "Ingress", "ingresses"),
    ChildKind("keda.sh/v1alpha1", "ScaledObject", "scaledobjects", optional=True),
    ChildKind("monitoring.coreos.com/v1", "PodMonitor", "podmonitors", optional=True),
    ChildKind("monitoring.coreos.com/v1", "PrometheusRule", "prometheusrules", optional=True),
)
"""Every kind that a builder can emit; a test compares this with what the golden files contain."""

ISSUER_CONFIGURATION, ISSUER_KEYS = DOCUMENTS = ("/.well-known/openid-configuration", "/openid/v1/jwks")
"""What the API server says of those who sign service account tokens; these are no objects."""
