"""Velero: schedules, the backups that they made, and where those lie."""

from datetime import datetime, timedelta

from openova_console.lab.kube.cron import latest
from openova_console.lab.kube.planting import Planter, stamp
from openova_console.lab.kube.records import Json

VELERO_SCHEDULES = (
    ("hourly-databases", "0 * * * *", ["databases"], "168h0m0s"),
    ("daily-backup", "0 2 * * *", ["*"], "720h0m0s"),
    ("daily-secrets", "30 2 * * *", ["secrets", "external-secrets"], "2160h0m0s"),
    ("daily-volumes", "0 3 * * *", ["storage", "databases"], "336h0m0s"),
)


def plant_velero(planter: Planter) -> None:
    """Four schedules with four backups each."""
    planter.plant(
        "backupstoragelocations.velero.io",
        "velero",
        "r2-backup",
        spec={
            "provider": "aws",
            "default": True,
            "accessMode": "ReadWrite",
            "objectStorage": {"bucket": "velero-backups"},
            "config": {"region": "auto", "s3ForcePathStyle": "true"},
        },
        status={"phase": "Available", "lastValidationTime": stamp(planter.now), "lastSyncedTime": stamp(planter.now)},
    )
    for name, schedule, namespaces, ttl in VELERO_SCHEDULES:
        fired = latest(schedule, planter.now) or planter.ago(days=1)
        step = timedelta(hours=1) if name.startswith("hourly") else timedelta(days=1)
        template = {"includedNamespaces": namespaces, "ttl": ttl, "storageLocation": "r2-backup"}
        planter.plant(
            "schedules.velero.io",
            "velero",
            name,
            spec={"schedule": schedule, "template": template, "useOwnerReferencesInBackup": False},
            status={"phase": "Enabled", "lastBackup": stamp(fired)},
        )
        for number in range(4):
            started = fired - (3 - number) * step
            document = velero_backup(name, template, started)
            if started + timedelta(minutes=2) <= planter.now:
                document["status"] = velero_completed(started)
            planter.store.create("backups.velero.io", document)


def velero_backup(schedule: str, template: Json, started: datetime) -> Json:
    """A backup that a schedule has just started."""
    metadata = {
        "name": f"{schedule}-{started:%Y%m%d%H%M%S}",
        "namespace": "velero",
        "creationTimestamp": stamp(started),
        "labels": {"velero.io/schedule-name": schedule, "velero.io/storage-location": "r2-backup"},
        "annotations": {"velero.io/source-cluster-k8s-gitversion": "v1.34.2+k3s1"},
    }
    spec = {**template, "hooks": {}, "snapshotMoveData": False, "defaultVolumesToFsBackup": False}
    return {
        "metadata": metadata,
        "spec": spec,
        "status": {"phase": "InProgress", "version": 1, "formatVersion": "1.1.0", "startTimestamp": stamp(started)},
    }


def velero_completed(started: datetime) -> Json:
    """The status of a backup that took 95 seconds."""
    return {
        "phase": "Completed",
        "version": 1,
        "formatVersion": "1.1.0",
        "startTimestamp": stamp(started),
        "completionTimestamp": stamp(started + timedelta(seconds=95)),
        "expiration": stamp(started + timedelta(days=30)),
        "progress": {"totalItems": 412, "itemsBackedUp": 412},
        "hookStatus": {},
    }
