"""The kinds that the lab serves: group, versions, scope, subresources and fields.

Built-in kinds and custom resources differ on the wire: list items of a built-in kind carry no type, strategic merge
patches work on them alone, and their refusals are worded otherwise.
"""

from dataclasses import dataclass, field
from typing import Any

from openova_console.lab.kube.schema import ANY, TEXT
from openova_console.lab.kube.shapes_builtin import BUILTIN
from openova_console.lab.kube.shapes_common import METADATA
from openova_console.lab.kube.shapes_custom import CUSTOM


@dataclass(frozen=True, slots=True)
class Scale:
    """Where the scale subresource finds its numbers: dotted paths into the object."""

    replicas: str = "spec.replicas"
    observed: str = "status.replicas"
    selector: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One served kind.

    Attributes:
        versions: served versions, the stored one first.
        builtin: part of Kubernetes itself rather than defined by a CustomResourceDefinition.
        status: has a status subresource; the main resource then ignores `status`.
        counts_generations: `metadata.generation` is kept (some built-in kinds have none).
        has_rules: the CRD carries CEL rules; a refusal then adds that they were not checked.
        upsert: PUT of a missing name creates it (Lease).
        unconditional: PUT without a resourceVersion overwrites.
        blank: the empty fields that a bookmark of this kind carries.
    """

    group: str
    versions: tuple[str, ...]
    plural: str
    kind: str
    namespaced: bool = True
    builtin: bool = False
    status: bool = True
    counts_generations: bool = True
    scale: Scale | None = None
    has_rules: bool = False
    upsert: bool = False
    unconditional: bool = True
    blank: dict[str, Any] = field(default_factory=dict, hash=False, compare=False)

    @property
    def key(self) -> str:
        """`deployments.apps`, `nodes`: how rules and scenario code name the kind."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def api_version(self, version: str | None = None) -> str:
        """`apps/v1`, `v1`; the stored version by default."""
        version = version or self.versions[0]
        return f"{self.group}/{version}" if self.group else version

    @property
    def shape(self) -> dict[Any, Any]:
        """The schema of a whole object."""
        fields = (BUILTIN if self.builtin else CUSTOM).get(self.key, {"spec": ANY})
        return {"apiVersion": TEXT, "kind": TEXT, "metadata": METADATA, "status": ANY, **fields}


def _builtin(group: str, version: str, plural: str, kind: str, **more: Any) -> Kind:
    return Kind(group, (version,), plural, kind, builtin=True, **more)


def _custom(group: str, version: str, plural: str, kind: str, **more: Any) -> Kind:
    return Kind(group, tuple(version.split()), plural, kind, unconditional=False, **more)


_NO_POD = {"metadata": {}, "spec": {"containers": None}}
_WORKLOAD: dict[str, Any] = {
    "spec": {"replicas": 0, "selector": None, "template": _NO_POD, "strategy": {}},
    "status": {},
}
_FLUX = "toolkit.fluxcd.io"

SERVED: tuple[Kind, ...] = (
    _builtin("", "v1", "nodes", "Node", namespaced=False, counts_generations=False),
    _builtin("", "v1", "namespaces", "Namespace", namespaced=False, counts_generations=False),
    _builtin("", "v1", "pods", "Pod", blank={"spec": {"containers": None}, "status": {}}),
    _builtin("", "v1", "configmaps", "ConfigMap", status=False, counts_generations=False),
    _builtin("", "v1", "secrets", "Secret", status=False, counts_generations=False),
    _builtin("", "v1", "services", "Service", counts_generations=False),
    _builtin("", "v1", "events", "Event", status=False, counts_generations=False, upsert=True),
    _builtin("apps", "v1", "deployments", "Deployment", scale=Scale(), blank=_WORKLOAD),
    _builtin("apps", "v1", "replicasets", "ReplicaSet", scale=Scale()),
    _builtin("apps", "v1", "statefulsets", "StatefulSet", scale=Scale()),
    _builtin("apps", "v1", "daemonsets", "DaemonSet"),
    _builtin("batch", "v1", "jobs", "Job"),
    _builtin("batch", "v1", "cronjobs", "CronJob"),
    _builtin(
        "coordination.k8s.io",
        "v1",
        "leases",
        "Lease",
        status=False,
        counts_generations=False,
        upsert=True,
        unconditional=False,
        blank={"spec": {}},
    ),
    _builtin("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", unconditional=False),
    _builtin("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", counts_generations=False),
    _custom(f"source.{_FLUX}", "v1", "gitrepositories", "GitRepository", has_rules=True),
    _custom(f"kustomize.{_FLUX}", "v1", "kustomizations", "Kustomization", has_rules=True),
    _custom(f"helm.{_FLUX}", "v2", "helmreleases", "HelmRelease", has_rules=True),
    _custom("flagger.app", "v1beta1", "canaries", "Canary", has_rules=True),
    _custom("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute", has_rules=True),
    _custom(
        "postgresql.cnpg.io",
        "v1",
        "clusters",
        "Cluster",
        scale=Scale("spec.instances", "status.instances"),
        has_rules=True,
    ),
    _custom("postgresql.cnpg.io", "v1", "backups", "Backup", has_rules=True),
    _custom("postgresql.cnpg.io", "v1", "scheduledbackups", "ScheduledBackup"),
    _custom("cert-manager.io", "v1", "certificates", "Certificate"),
    _custom("cert-manager.io", "v1", "clusterissuers", "ClusterIssuer", namespaced=False),
    _custom("external-secrets.io", "v1", "externalsecrets", "ExternalSecret", has_rules=True),
    _custom("external-secrets.io", "v1", "clustersecretstores", "ClusterSecretStore", namespaced=False),
    _custom("external-secrets.io", "v1alpha1", "pushsecrets", "PushSecret"),
    _custom("k8gb.absa.oss", "v1beta1", "gslbs", "Gslb"),
    _custom(
        "kafka.strimzi.io",
        "v1 v1beta2",
        "kafkaconnectors",
        "KafkaConnector",
        scale=Scale("spec.tasksMax", "status.tasksMax"),
    ),
    _custom(
        "kafka.strimzi.io",
        "v1 v1beta2",
        "kafkamirrormaker2s",
        "KafkaMirrorMaker2",
        scale=Scale("spec.replicas", "status.replicas", "status.labelSelector"),
    ),
    _custom("velero.io", "v1", "schedules", "Schedule", status=False),
    _custom("velero.io", "v1", "backups", "Backup", status=False),
    _custom("velero.io", "v1", "backupstoragelocations", "BackupStorageLocation", status=False),
    _custom("pkg.crossplane.io", "v1", "providers", "Provider", namespaced=False),
)

# Groups of Kubernetes itself: what they do not serve is refused in other words than what no group serves.
BUILTIN_GROUPS = frozenset(kind.group for kind in SERVED if kind.builtin) | {
    "authentication.k8s.io",
    "authorization.k8s.io",
    "networking.k8s.io",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
}
_BY_KEY = {kind.key: kind for kind in SERVED}
_BY_PATH = {(kind.group, version, kind.plural): kind for kind in SERVED for version in kind.versions}


def kind_of(key: str) -> Kind:
    """The kind called `deployments.apps`, `nodes`, …. Raises KeyError when the lab does not serve it."""
    return _BY_KEY[key]


def served_at(group: str, version: str, plural: str) -> Kind | None:
    """The kind behind a path of the API, or None."""
    return _BY_PATH.get((group, version, plural))
