"""The objects that each region's API server holds: what controllers would have written on a healthy platform.

There are no controllers behind these API servers, so the status of every object is written here; the shapes are those
that real controllers left (`tests/support/captured`).
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from openova_console.systems import kinds
from openova_console.systems.kinds import Resource

Item = tuple[Resource, dict[str, Any]]
REVISION = "main@sha1:" + "4f1d" * 10


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _condition(kind: str, reason: str, *, now: datetime, status: str = "True") -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": reason,
        "lastTransitionTime": _time(now),
        "observedGeneration": 1,
    }


def node(name: str, *, now: datetime, ready: bool = True) -> Item:
    """A node as its kubelet reports it."""
    condition = {
        "type": "Ready",
        "status": "True" if ready else "Unknown",
        "reason": "KubeletReady" if ready else "NodeStatusUnknown",
        "message": "",
        "lastHeartbeatTime": _time(now),
        "lastTransitionTime": _time(now),
    }
    status = {"conditions": [condition], "nodeInfo": _node_info()}
    return kinds.NODES, {"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}, "status": status}


def _node_info() -> dict[str, str]:
    names = ("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion", "kubeProxyVersion")
    return dict.fromkeys(names, "") | {"kubeletVersion": "v1.34.2", "operatingSystem": "linux", "architecture": "amd64"}


def lease(holder: str, *, now: datetime) -> Item:
    """The failover controller's Lease, renewed at `now`."""
    moment = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 30, "renewTime": moment, "acquireTime": moment}
    metadata = {"name": "openova-active", "namespace": "failover-controller"}
    return kinds.LEASES, {"metadata": metadata, "spec": {**spec, "leaseTransitions": 0}}


def postgres_cluster(region: str, primary: str, *, now: datetime) -> Item:
    """The CNPG Cluster of this region in a pair whose primary is in the region `primary`."""
    ready = [
        _condition("Ready", "ClusterIsReady", now=now),
        _condition("ContinuousArchiving", "ContinuousArchivingSuccess", now=now),
    ]
    status = {
        "phase": "Cluster in healthy state",
        "instances": 1,
        "readyInstances": 1,
        "currentPrimary": "postgres-1",
        "targetPrimary": "postgres-1",
        "timelineID": 1,
        "lastSuccessfulBackup": _time(now - timedelta(hours=6)),
        "conditions": ready,
    }
    replica = {"self": region, "primary": primary, "source": primary}
    metadata = {"name": "postgres", "namespace": "databases"}
    return kinds.CNPG_CLUSTERS, {"metadata": metadata, "spec": {"instances": 1, "replica": replica}, "status": status}


def flux(*, now: datetime) -> list[Item]:
    """A source, two Kustomizations (one suspended) and a HelmRelease."""
    done = [_condition("Ready", "ReconciliationSucceeded", now=now)]
    status = {"observedGeneration": 1, "lastAppliedRevision": REVISION, "conditions": done}
    reference = {"kind": "GitRepository", "name": "platform"}
    spec = {"interval": "10m", "path": "./apps", "prune": True, "sourceRef": reference}
    artifact = {
        "digest": "sha256:" + "0" * 64,
        "lastUpdateTime": _time(now),
        "path": "gitrepository/flux-system/platform/a.tar.gz",
        "revision": REVISION,
        "url": "http://source-controller.flux-system/a.tar.gz",
    }
    stored = {"observedGeneration": 1, "artifact": artifact, "conditions": [_condition("Ready", "Succeeded", now=now)]}
    platform = {"interval": "1m", "url": "https://gitea.example.test/acme/platform.git", "ref": {"branch": "main"}}
    released = {"observedGeneration": 1, "history": [{"chartVersion": "1.18.2"}], "conditions": done}

    def named(name: str) -> dict[str, Any]:
        return {"metadata": {"name": name, "namespace": "flux-system"}}

    return [
        (kinds.GIT_REPOSITORIES, {**named("platform"), "spec": platform, "status": stored}),
        (kinds.KUSTOMIZATIONS, {**named("infrastructure"), "spec": spec, "status": status}),
        (kinds.KUSTOMIZATIONS, {**named("apps"), "spec": {**spec, "suspend": True}, "status": status}),
        (kinds.HELM_RELEASES, {**named("cilium"), "spec": {"interval": "10m"}, "status": released}),
    ]


def certificate(name: str, *, days: float, now: datetime) -> Item:
    """A Certificate that ends in `days`."""
    status = {
        "conditions": [_condition("Ready", "Ready", now=now)],
        "notBefore": _time(now - timedelta(days=1)),
        "notAfter": _time(now + timedelta(days=days)),
        "renewalTime": _time(now + timedelta(days=days * 2 / 3)),
        "revision": 1,
    }
    spec = {"secretName": name, "dnsNames": [f"{name}.example.test"], "issuerRef": {"name": "internal", "kind": "ClusterIssuer"}}
    return kinds.CERTIFICATES, {"metadata": {"name": name, "namespace": "ingress"}, "spec": spec, "status": status}


def backup(name: str, phase: str, *, hours_ago: float, now: datetime) -> Item:
    """A Velero Backup."""
    start = now - timedelta(hours=hours_ago)
    status = {"phase": phase, "startTimestamp": _time(start), "completionTimestamp": _time(start + timedelta(minutes=9))}
    metadata = {"name": name, "namespace": "velero"}
    return kinds.VELERO_BACKUPS, {"metadata": metadata, "spec": {}, "status": status}


def backup_location(*, now: datetime) -> Item:
    """Where the backups go."""
    spec = {"provider": "aws", "objectStorage": {"bucket": "velero"}}
    status = {"phase": "Available", "lastSyncedTime": _time(now)}
    return kinds.BACKUP_LOCATIONS, {"metadata": {"name": "default", "namespace": "velero"}, "spec": spec, "status": status}


def gslb(geo_tag: str) -> Item:
    """k8gb's view from this region."""
    spec = {"strategy": {"type": "failover", "primaryGeoTag": "region-1", "dnsTtlSeconds": 30}}
    host = "app.gslb.example.test"
    status = {"geoTag": geo_tag, "hosts": host, "serviceHealth": {host: "Healthy"}, "healthyRecords": {host: ["192.0.2.10"]}}
    return kinds.GSLBS, {"metadata": {"name": "app", "namespace": "shop"}, "spec": spec, "status": status}


def region(region_id: str, *, primary: str, now: datetime) -> list[Item]:
    """Everything that one region's API server holds."""
    return [
        *(node(f"{region_id}-worker-{n}", now=now) for n in (1, 2, 3)),
        lease("region-1", now=now),
        postgres_cluster(region_id, primary, now=now),
        *flux(now=now),
        certificate("web", days=80, now=now),
        certificate("gateway", days=20, now=now),
        backup("daily-1", "Completed", hours_ago=26, now=now),
        backup("daily-2", "Completed", hours_ago=2, now=now),
        backup_location(now=now),
        gslb(region_id),
    ]
