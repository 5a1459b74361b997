"""PostgreSQL across two regions: CloudNativePG clusters of one distributed topology, with their backups."""

from datetime import datetime, timedelta

from openova_console.lab.kube.cron import latest
from openova_console.lab.kube.planting import DOMAIN, TENANT, Planter, condition, stamp
from openova_console.lab.kube.records import Json

_CLUSTERS = (
    ("postgres", 3, "7412953308114321410"),
    ("gitea-postgres", 2, "7412953308114321477"),
    ("keycloak-postgres", 2, "7412953308114321533"),
)
CNPG_SCHEDULE = "0 0 2 * * *"


def plant_postgres(planter: Planter) -> None:
    """The clusters of this region; the primary region's are primary."""
    for name, instances, system in _CLUSTERS:
        _plant_postgres(planter, name, instances, system)


def topology_name(name: str, region_id: str) -> str:
    """What a PostgreSQL cluster is called across the regions: both are `postgres` at home."""
    return f"{name}-{region_id}"


def _plant_postgres(planter: Planter, name: str, instances: int, system: str) -> None:
    region = planter.region
    mine, theirs, since = topology_name(name, region.id), topology_name(name, region.peer), planter.ago(days=12)
    external = [
        {
            "name": member,
            "connectionParameters": {
                "host": f"postgres.{at}.{DOMAIN}",
                "user": "streaming_replica",
                "sslmode": "verify-full",
            },
            "barmanObjectStore": {
                "destinationPath": f"s3://cnpg-backups/{member}",
                "endpointURL": "http://minio.storage.svc:9000",
            },
        }
        for member, at in ((mine, region.id), (theirs, region.peer))
    ]
    members = [f"{name}-{number}" for number in range(1, instances + 1)]
    backup = latest(CNPG_SCHEDULE, planter.now) or planter.ago(days=1)
    planter.plant(
        "clusters.postgresql.cnpg.io",
        "databases",
        name,
        since=planter.ago(days=63),
        labels={"app.kubernetes.io/part-of": "openova", "openova.io/component": "data"},
        spec={
            "instances": instances,
            "imageName": "ghcr.example/cloudnative-pg/postgresql:17.6",
            "replica": {"primary": topology_name(name, region.primary), "self": mine, "source": theirs},
            "externalClusters": external,
            "storage": {"size": "100Gi", "storageClass": "longhorn"},
            "primaryUpdateStrategy": "unsupervised",
            "enableSuperuserAccess": False,
            "backup": {"barmanObjectStore": external[0]["barmanObjectStore"], "retentionPolicy": "30d"},
            "monitoring": {"enablePodMonitor": True},
        },
        status=_postgres_status(name, members, system, since, backup, planter),
    )
    for number in range(3):
        started = backup - timedelta(days=2 - number)
        planter.store.create("backups.postgresql.cnpg.io", postgres_backup(name, started))
    planter.plant(
        "scheduledbackups.postgresql.cnpg.io",
        "databases",
        f"{name}-daily",
        spec={
            "schedule": CNPG_SCHEDULE,
            "cluster": {"name": name},
            "backupOwnerReference": "self",
            "method": "barmanObjectStore",
            "suspend": False,
        },
        status={
            "lastCheckTime": stamp(planter.now),
            "lastScheduleTime": stamp(backup),
            "nextScheduleTime": stamp(backup + timedelta(days=1)),
        },
    )


def _postgres_status(name: str, members: list[str], system: str, since: datetime, backup: datetime, planter: Planter) -> Json:
    return {
        "phase": "Cluster in healthy state",
        "instances": len(members),
        "readyInstances": len(members),
        "instanceNames": members,
        "instancesStatus": {"healthy": members},
        "currentPrimary": members[0],
        "targetPrimary": members[0],
        "currentPrimaryTimestamp": stamp(since),
        "targetPrimaryTimestamp": stamp(since),
        "timelineID": 4,
        "systemID": system,
        "latestGeneratedNode": len(members),
        "pvcCount": len(members),
        "healthyPVC": members,
        "image": "ghcr.example/cloudnative-pg/postgresql:17.6",
        "readService": f"{name}-r",
        "writeService": f"{name}-rw",
        "firstRecoverabilityPoint": stamp(backup - timedelta(days=29)),
        "lastSuccessfulBackup": stamp(backup + timedelta(minutes=4)),
        "switchReplicaClusterStatus": {},
        "poolerIntegrations": {"pgBouncerIntegration": {"secrets": [f"{TENANT}-pooler"]}} if name == "postgres" else {},
        "conditions": [
            condition("Ready", "True", "ClusterIsReady", "Cluster is Ready", since),
            condition("ContinuousArchiving", "True", "ContinuousArchivingSuccess", "Continuous archiving is working", since),
            condition("LastBackupSucceeded", "True", "LastBackupSucceeded", "Backup was successful", backup),
            condition(
                "ConsistentSystemID",
                "True",
                "Unique",
                "A single, unique system ID was found across reporting instances.",
                since,
            ),
            condition("Initialized", "True", "ClusterInitialized", "Cluster was initialized", planter.ago(days=63)),
        ],
    }


def postgres_backup(cluster: str, started: datetime) -> Json:
    """A finished base backup that took four minutes."""
    metadata = {
        "name": f"{cluster}-daily-{started:%Y%m%d%H%M%S}",
        "namespace": "databases",
        "creationTimestamp": stamp(started),
        "labels": {"cnpg.io/cluster": cluster, "cnpg.io/scheduled-backup": f"{cluster}-daily"},
    }
    status = {
        "phase": "completed",
        "method": "barmanObjectStore",
        "backupId": f"{started:%Y%m%dT%H%M%S}",
        "backupName": f"backup-{started:%Y%m%d%H%M%S}",
        "startedAt": stamp(started),
        "stoppedAt": stamp(started + timedelta(minutes=4)),
        "serverName": cluster,
        "destinationPath": f"s3://cnpg-backups/{cluster}",
        "instanceID": {"podName": f"{cluster}-1"},
    }
    return {
        "metadata": metadata,
        "spec": {"cluster": {"name": cluster}, "method": "barmanObjectStore"},
        "status": status,
    }
