"""A believable region: fills a store with what a healthy OpenOva platform holds, and lets its clocks run.

`seed` plants; `tick`, called about once a second, does what controllers do on their own: heartbeats, lease renewals,
scheduled Jobs and backups, refreshed secrets. It leaves alone whatever `paused` names, so that a scenario can stop one
of them.
"""

import random
from collections.abc import Collection
from datetime import datetime, timedelta

from openova_console.lab.kube.cron import latest
from openova_console.lab.kube.planting import Planter, Region, micro_stamp, moment, stamp
from openova_console.lab.kube.records import Json, Record
from openova_console.lab.kube.region_canaries import plant_canaries
from openova_console.lab.kube.region_cluster import plant_cluster, plant_providers
from openova_console.lab.kube.region_entrance import plant_entrance
from openova_console.lab.kube.region_flux import plant_flux
from openova_console.lab.kube.region_kafka import plant_kafka
from openova_console.lab.kube.region_postgres import plant_postgres, postgres_backup
from openova_console.lab.kube.region_secrets import plant_secrets
from openova_console.lab.kube.region_velero import plant_velero, velero_backup, velero_completed
from openova_console.lab.kube.region_workloads import completed, job_of, plant_workloads
from openova_console.lab.kube.store import ObjectStore

_LEASE_EVERY = timedelta(seconds=10)
_NODE_EVERY = timedelta(minutes=5)
_REFRESH_EVERY = timedelta(hours=1)
_VALIDATE_EVERY = timedelta(minutes=1)
_BACKUP_TAKES = timedelta(seconds=95)
_JOB_TAKES = timedelta(seconds=25)
_KEPT_BACKUPS = 24


def seed(
    store: ObjectStore,
    *,
    region_id: str,
    geo_tag: str,
    is_primary: bool,
    peer_id: str,
    now: datetime,
    rng: random.Random,
    peer_geo_tag: str = "",
) -> None:
    """Fill an empty store.

    Args:
        region_id, peer_id: this region and the other one.
        geo_tag, peer_geo_tag: their names in k8gb; the peer's is its id by default.
        is_primary: whether this region is active.
        now: UTC; ages are counted from it.
        rng: for what varies between regions.
    """
    region = Region(id=region_id, geo_tag=geo_tag, is_primary=is_primary, peer=peer_id, peer_geo_tag=peer_geo_tag or peer_id)
    planter = Planter(store, region, now, rng)
    plant_cluster(planter)
    plant_workloads(planter)
    plant_postgres(planter)
    plant_kafka(planter)
    plant_velero(planter)
    plant_secrets(planter)
    plant_flux(planter)
    plant_canaries(planter)
    plant_entrance(planter)
    plant_providers(planter)


def tick(store: ObjectStore, *, now: datetime, paused: Collection[str] = ()) -> None:
    """Let the region's own controllers act up to `now`.

    Args:
        paused: objects to leave alone, as `kind.key/namespace/name` (cluster-scoped: `kind.key/name`), or a whole kind
            by its key.
    """
    for kind, act in _CONTROLLERS:
        if kind in paused:
            continue
        for record in store.records(kind):
            if f"{kind}/{record.key}" not in paused:
                act(store, record, now)


def _due(text: str | None, now: datetime, every: timedelta) -> bool:
    return text is None or now - moment(text) >= every


def _renew(store: ObjectStore, record: Record, now: datetime) -> None:
    if _due(record.document["spec"].get("renewTime"), now, _LEASE_EVERY):
        changes = {"spec": {"renewTime": micro_stamp(now)}}
        store.patch("leases.coordination.k8s.io", record.namespace, record.name, changes)


def _beat(store: ObjectStore, record: Record, now: datetime) -> None:
    """The kubelet reports a node that does not change every five minutes."""
    conditions = record.document["status"]["conditions"]
    if _due(conditions[0]["lastHeartbeatTime"], now, _NODE_EVERY):
        beaten = [row | {"lastHeartbeatTime": stamp(now)} for row in conditions]
        store.patch("nodes", "", record.name, {"status": {"conditions": beaten}})


def _refresh(kind: str, store: ObjectStore, record: Record, now: datetime) -> None:
    if _due(record.document["status"].get("refreshTime"), now, _REFRESH_EVERY):
        store.patch(kind, record.namespace, record.name, {"status": {"refreshTime": stamp(now)}})


def _refresh_pull(store: ObjectStore, record: Record, now: datetime) -> None:
    _refresh("externalsecrets.external-secrets.io", store, record, now)


def _refresh_push(store: ObjectStore, record: Record, now: datetime) -> None:
    """The time moves only when every store took the push."""
    if all(row["status"] == "True" for row in record.document["status"].get("conditions", [])):
        _refresh("pushsecrets.external-secrets.io", store, record, now)


def _validate(store: ObjectStore, record: Record, now: datetime) -> None:
    status = record.document["status"]
    if status["phase"] == "Available" and _due(status["lastValidationTime"], now, _VALIDATE_EVERY):
        times = {"lastValidationTime": stamp(now), "lastSyncedTime": stamp(now)}
        store.patch("backupstoragelocations.velero.io", record.namespace, record.name, {"status": times})


def _start_backup(store: ObjectStore, record: Record, now: datetime) -> None:
    spec, last = record.document["spec"], record.document.get("status", {}).get("lastBackup")
    fired = latest(spec["schedule"], now)
    if spec.get("paused") or fired is None or (last is not None and moment(last) >= fired):
        return
    document = velero_backup(record.name, spec["template"], fired)
    if store.find("backups.velero.io", record.namespace, document["metadata"]["name"]) is None:
        store.create("backups.velero.io", document)
    store.patch("schedules.velero.io", record.namespace, record.name, {"status": {"lastBackup": stamp(fired)}})
    own = [r for r in store.records("backups.velero.io") if r.labels.get("velero.io/schedule-name") == record.name]
    for old in own[:-_KEPT_BACKUPS]:
        store.delete("backups.velero.io", old.namespace, old.name)


def _finish_backup(store: ObjectStore, record: Record, now: datetime) -> None:
    status = record.document.get("status", {})
    if status.get("phase") == "Completed":
        return
    if not status:
        started = {"status": {"phase": "InProgress", "startTimestamp": stamp(now)}}
        store.patch("backups.velero.io", record.namespace, record.name, started)
    elif status["phase"] == "InProgress" and _due(status["startTimestamp"], now, _BACKUP_TAKES):
        done = {"status": velero_completed(moment(status["startTimestamp"]))}
        store.patch("backups.velero.io", record.namespace, record.name, done)


def _back_up_postgres(store: ObjectStore, record: Record, now: datetime) -> None:
    """A base backup appears four minutes after its time, when it is whole."""
    spec, last = record.document["spec"], record.document["status"]["lastScheduleTime"]
    fired = latest(spec["schedule"], now - timedelta(minutes=4))
    if spec.get("suspend") or fired is None or moment(last) >= fired:
        return
    cluster = spec["cluster"]["name"]
    store.create("backups.postgresql.cnpg.io", postgres_backup(cluster, fired))
    times = {"lastCheckTime": stamp(now), "lastScheduleTime": stamp(fired)}
    times["nextScheduleTime"] = stamp(fired + timedelta(days=1))
    store.patch("scheduledbackups.postgresql.cnpg.io", record.namespace, record.name, {"status": times})
    if store.find("clusters.postgresql.cnpg.io", record.namespace, cluster) is not None:
        done = {"status": {"lastSuccessfulBackup": stamp(fired + timedelta(minutes=4))}}
        store.patch("clusters.postgresql.cnpg.io", record.namespace, cluster, done)


def _start_job(store: ObjectStore, record: Record, now: datetime) -> None:
    """A suspended CronJob starts nothing; one that was resumed does not make up for what it missed."""
    spec, status = record.document["spec"], record.document.get("status", {})
    fired = latest(spec["schedule"], now)
    last = status.get("lastScheduleTime")
    if spec.get("suspend") or fired is None or (last is not None and moment(last) >= fired):
        return
    if last is None and now - fired > timedelta(minutes=1):
        return
    cron_job = store.get("cronjobs.batch", record.namespace, record.name)
    job = job_of(cron_job, fired.timestamp())
    job["metadata"]["namespace"] = record.namespace
    if store.find("jobs.batch", record.namespace, job["metadata"]["name"]) is None:
        store.create("jobs.batch", job)
    store.patch("cronjobs.batch", record.namespace, record.name, {"status": {"lastScheduleTime": stamp(fired)}})


def _run_job(store: ObjectStore, record: Record, now: datetime) -> None:
    """A Job starts at the first tick that sees it and succeeds after a while."""
    status: Json = record.document.get("status", {})
    if any(row["type"] in ("Complete", "Failed") for row in status.get("conditions", [])):
        return
    if "startTime" not in status:
        running = {"status": {"startTime": stamp(now), "active": 1, "ready": 1}}
        store.patch("jobs.batch", record.namespace, record.name, running)
    elif _due(status["startTime"], now, _JOB_TAKES):
        done = completed(status["startTime"], stamp(now))
        store.apply_inside("jobs.batch", record.namespace, record.name, lambda job: job.update(status=done))
        _tell_owner(store, record, now)


def _tell_owner(store: ObjectStore, record: Record, now: datetime) -> None:
    for owner in record.document["metadata"].get("ownerReferences", []):
        if owner["kind"] == "CronJob" and store.find("cronjobs.batch", record.namespace, owner["name"]) is not None:
            told = {"status": {"lastSuccessfulTime": stamp(now)}}
            store.patch("cronjobs.batch", record.namespace, owner["name"], told)


_CONTROLLERS = (
    ("leases.coordination.k8s.io", _renew),
    ("nodes", _beat),
    ("externalsecrets.external-secrets.io", _refresh_pull),
    ("pushsecrets.external-secrets.io", _refresh_push),
    ("backupstoragelocations.velero.io", _validate),
    ("schedules.velero.io", _start_backup),
    ("backups.velero.io", _finish_backup),
    ("scheduledbackups.postgresql.cnpg.io", _back_up_postgres),
    ("cronjobs.batch", _start_job),
    ("jobs.batch", _run_job),
)
