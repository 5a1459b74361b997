"""The kinds of Kubernetes objects that the console reads, as the API's addresses name them."""

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object, as the API's addresses name it."""

    group: str
    version: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """The address below the server's root; over all namespaces when `namespace` is None."""
        base = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        if namespace is not None and self.namespaced:
            base += f"/namespaces/{quote(namespace, safe='')}"
        base += f"/{self.plural}"
        return base if name is None else f"{base}/{quote(name, safe='')}"


_CAMEL = {
    "helmreleases": "HelmRelease",
    "gitrepositories": "GitRepository",
    "canaries": "Canary",
    "backupstoragelocations": "BackupStorageLocation",
    "scheduledbackups": "ScheduledBackup",
    "pushsecrets": "PushSecret",
    "externalsecrets": "ExternalSecret",
    "clustersecretstores": "ClusterSecretStore",
    "httproutes": "HTTPRoute",
    "cronjobs": "CronJob",
    "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet",
    "configmaps": "ConfigMap",
    "kafkaconnectors": "KafkaConnector",
    "kafkamirrormaker2s": "KafkaMirrorMaker2",
}


def kind_of(resource: Resource) -> str:
    """The kind as objects write it ("HelmRelease"): items of a list do not carry it."""
    return _CAMEL.get(resource.plural) or resource.plural.removesuffix("s").capitalize()


NODES = Resource("", "v1", "nodes", namespaced=False)
PODS = Resource("", "v1", "pods")
DEPLOYMENTS = Resource("apps", "v1", "deployments")
STATEFUL_SETS = Resource("apps", "v1", "statefulsets")
DAEMON_SETS = Resource("apps", "v1", "daemonsets")
CONFIG_MAPS = Resource("", "v1", "configmaps")
LEASES = Resource("coordination.k8s.io", "v1", "leases")
CNPG_CLUSTERS = Resource("postgresql.cnpg.io", "v1", "clusters")
CNPG_BACKUPS = Resource("postgresql.cnpg.io", "v1", "backups")
KUSTOMIZATIONS = Resource("kustomize.toolkit.fluxcd.io", "v1", "kustomizations")
HELM_RELEASES = Resource("helm.toolkit.fluxcd.io", "v2", "helmreleases")
GIT_REPOSITORIES = Resource("source.toolkit.fluxcd.io", "v1", "gitrepositories")
CERTIFICATES = Resource("cert-manager.io", "v1", "certificates")
VELERO_BACKUPS = Resource("velero.io", "v1", "backups")
BACKUP_LOCATIONS = Resource("velero.io", "v1", "backupstoragelocations")
GSLBS = Resource("k8gb.absa.oss", "v1beta1", "gslbs")
EVENTS = Resource("", "v1", "events")
CANARIES = Resource("flagger.app", "v1beta1", "canaries")
HTTP_ROUTES = Resource("gateway.networking.k8s.io", "v1", "httproutes")
GSLBS_NEW = Resource("k8gb.io", "v1beta1", "gslbs")
PUSH_SECRETS = Resource("external-secrets.io", "v1alpha1", "pushsecrets")
