"""What scenarios do to Kubernetes objects, and how that is undone.

Changes are made as controllers make them, so that watches see them. Before an object is touched its content is kept;
`restore` puts it back. What the console itself changed in the meantime in other objects stays.
"""

import copy
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from openova_console.lab.canary_changes import CANARY_CHANGES
from openova_console.lab.kube.region_workloads import job_of
from openova_console.lab.kube.store import NotFound, ObjectStore
from openova_console.lab.names import REGIONS

Json = dict[str, Any]
POSTGRES: Final = ("clusters.postgresql.cnpg.io", "databases", "postgres")
LEASE: Final = ("leases.coordination.k8s.io", "failover-controller", "openova-active")
_R1, _R2 = REGIONS


class Ledger:
    """One region's objects as they were before a scenario touched them."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self._before: dict[tuple[str, str, str], Json | None] = {}

    def change(self, kind: str, namespace: str, name: str, mutate: Callable[[Json], Any]) -> None:
        """Change an object, if it is there, and remember how it was."""
        try:
            document = self.store.get(kind, namespace, name)
        except NotFound:
            return
        self._before.setdefault((kind, namespace, name), document)
        self.store.apply_inside(kind, namespace, name, mutate)

    def create(self, kind: str, document: Json) -> None:
        """Create an object, unless its name is taken."""
        metadata = document["metadata"]
        key = (kind, metadata.get("namespace", ""), metadata["name"])
        if self.store.find(*key) is None:
            self._before.setdefault(key, None)
            self.store.create(kind, document)

    def touched(self, kind: str) -> set[str]:
        """The objects of a kind that were changed or created, as `kind/namespace/name`."""
        return {f"{kind}/{namespace}/{name}" for of_kind, namespace, name in self._before if of_kind == kind}

    def restore(self) -> None:
        """Put every touched object back as it was; those that are gone meanwhile stay gone."""
        for (kind, namespace, name), document in self._before.items():
            try:
                if document is None:
                    self.store.delete(kind, namespace, name)
                else:
                    self.store.apply_inside(kind, namespace, name, _back_to(document))
            except NotFound:
                continue
        self._before = {}


def _back_to(document: Json) -> Callable[[Json], None]:
    def put_back(current: Json) -> None:
        for part in set(current) | set(document):
            if part in ("metadata", "kind", "apiVersion"):
                continue
            if part in document:
                current[part] = copy.deepcopy(document[part])
            else:
                current.pop(part)

    return put_back


def stamp(moment: datetime) -> str:
    """A time as Kubernetes writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def is_primary(store: ObjectStore) -> bool | None:
    """Whether the region's Postgres Cluster object says that it is a primary; None when there is no such object.

    CloudNativePG: without `spec.replica` a cluster is a primary; with `primary` it is one when that names itself
    (`self`, else the cluster's own name); with `enabled` alone that decides.
    """
    try:
        cluster = store.get(*POSTGRES)
    except NotFound:
        return None
    replica = cluster["spec"].get("replica")
    if not isinstance(replica, dict):
        return True
    if "primary" in replica:
        return bool(replica["primary"] == (replica.get("self") or cluster["metadata"]["name"]))
    return replica.get("enabled") is not True


def promote_region_2(ledger: Ledger, region: str, now: datetime) -> None:
    """Region 2's cluster becomes a primary without a token, its controller takes its own lease."""
    if region != _R2:
        return

    def promote(cluster: Json) -> None:
        replica = cluster["spec"].setdefault("replica", {})
        if "primary" in replica:
            replica["primary"] = replica.get("self") or cluster["metadata"]["name"]
        else:
            replica["enabled"] = False

    def take(lease: Json) -> None:
        lease["spec"] |= {"holderIdentity": _R2, "renewTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}

    ledger.change(*POSTGRES, promote)
    ledger.change(*LEASE, take)
    differ_pins(ledger, region, now)


def differ_pins(ledger: Ledger, region: str, now: datetime) -> None:
    """Region 2's Gslb objects name region 2 as their primary, region 1's still name region 1."""
    if region != _R2:
        return

    def pin(gslb: Json) -> None:
        gslb["spec"]["strategy"]["primaryGeoTag"] = _R2

    for metadata in _metadata(ledger.store, "gslbs.k8gb.absa.oss"):
        ledger.change("gslbs.k8gb.absa.oss", metadata["namespace"], metadata["name"], pin)


def add_nodes(ledger: Ledger, region: str, now: datetime) -> None:
    """Four nodes more, copies of the last one."""
    nodes = ledger.store.list("nodes")
    for number in range(1, 5 if nodes else 1):
        node = copy.deepcopy(nodes[-1])
        name = f"{region}-burst-{number}"
        labels = node["metadata"].get("labels", {}) | {"kubernetes.io/hostname": name}
        node["metadata"] = {"name": name, "labels": labels, "creationTimestamp": stamp(now)}
        ledger.create("nodes", node)


def stop_rotation(ledger: Ledger, region: str, now: datetime) -> None:
    """Certificates that should have been renewed, and rotation jobs that have not run for 75 days."""

    def outlive(certificate: Json) -> None:
        certificate["status"] = certificate.get("status", {}) | {
            "notBefore": stamp(now - timedelta(days=81)),
            "notAfter": stamp(now + timedelta(days=9)),
            "renewalTime": stamp(now - timedelta(days=21)),
        }

    def idle(cronjob: Json) -> None:
        last = now - timedelta(days=75)
        cronjob["status"] = cronjob.get("status", {}) | {
            "lastScheduleTime": stamp(last),
            "lastSuccessfulTime": stamp(last + timedelta(minutes=2)),
        }

    for metadata in _metadata(ledger.store, "certificates.cert-manager.io"):
        ledger.change("certificates.cert-manager.io", metadata["namespace"], metadata["name"], outlive)
    for metadata in _metadata(ledger.store, "cronjobs.batch"):
        if metadata["name"].startswith("rotate-"):
            ledger.change("cronjobs.batch", metadata["namespace"], metadata["name"], idle)


def fail_data_requests(ledger: Ledger, region: str, now: datetime) -> None:
    """`process-data-requests` has failed every night for six days."""
    for metadata in _metadata(ledger.store, "cronjobs.batch"):
        if metadata["name"] != "process-data-requests":
            continue
        last = now.replace(hour=2, minute=0, second=0, microsecond=0)
        ran = last if last <= now else last - timedelta(days=1)

        def fall_behind(cronjob: Json, ran: datetime = ran) -> None:
            cronjob["status"] = cronjob.get("status", {}) | {
                "lastScheduleTime": stamp(ran),
                "lastSuccessfulTime": stamp(ran - timedelta(days=6)),
            }

        ledger.change("cronjobs.batch", metadata["namespace"], metadata["name"], fall_behind)
        document = ledger.store.get("cronjobs.batch", metadata["namespace"], metadata["name"])
        job = job_of(document, ran.timestamp())
        job["metadata"] |= {"namespace": metadata["namespace"], "creationTimestamp": stamp(ran)}
        ledger.create("jobs.batch", job)
        ledger.change("jobs.batch", metadata["namespace"], job["metadata"]["name"], _fail(ran))


def _fail(ran: datetime) -> Callable[[Json], None]:
    """A Job that was started at `ran` and gave up four minutes later."""
    end = stamp(ran + timedelta(minutes=4))
    condition = {
        "type": "Failed",
        "status": "True",
        "reason": "BackoffLimitExceeded",
        "message": "Job has reached the specified backoff limit",
        "lastProbeTime": end,
        "lastTransitionTime": end,
    }

    def give_up(job: Json) -> None:
        job["status"] = {"startTime": stamp(ran), "failed": 2, "ready": 0, "terminating": 0, "conditions": [condition]}

    return give_up


def break_deployments(ledger: Ledger, region: str, now: datetime) -> None:
    """A bad release in region 1: deployments lose their replicas, and the Kustomization that brought it is not ready."""
    if region != _R1:
        return

    def lose(deployment: Json) -> None:
        wanted = deployment["spec"].get("replicas", 1)
        condition = {
            "type": "Available",
            "status": "False",
            "reason": "MinimumReplicasUnavailable",
            "message": "Deployment does not have minimum availability.",
            "lastTransitionTime": stamp(now),
            "lastUpdateTime": stamp(now),
        }
        status = deployment.get("status", {}) | {"unavailableReplicas": wanted, "conditions": [condition]}
        deployment["status"] = {k: v for k, v in status.items() if k not in ("availableReplicas", "readyReplicas")}

    def unready(kustomization: Json) -> None:
        condition = {
            "type": "Ready",
            "status": "False",
            "reason": "HealthCheckFailed",
            "message": "health check failed after 5m0s: timeout waiting for: [Deployment status: 'InProgress']",
            "lastTransitionTime": stamp(now),
            "observedGeneration": kustomization["metadata"].get("generation", 1),
        }
        kustomization["status"] = kustomization.get("status", {}) | {"conditions": [condition]}

    for metadata in _metadata(ledger.store, "deployments.apps")[:6]:
        ledger.change("deployments.apps", metadata["namespace"], metadata["name"], lose)
    for metadata in _metadata(ledger.store, "kustomizations.kustomize.toolkit.fluxcd.io")[-1:]:
        ledger.change("kustomizations.kustomize.toolkit.fluxcd.io", metadata["namespace"], metadata["name"], unready)


def _metadata(store: ObjectStore, kind: str) -> list[Json]:
    return [document["metadata"] for document in store.list(kind)]


CHANGES: Final[dict[str, Callable[[Ledger, str, datetime], None]]] = CANARY_CHANGES | {
    change.__name__: change
    for change in (promote_region_2, differ_pins, add_nodes, stop_rotation, fail_data_requests, break_deployments)
}
