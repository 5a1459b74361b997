"""The connectors that carry MongoDB's changes, and the mirror that carries topics between the regions."""

from openova_console.lab.kube.planting import DOMAIN, TENANT, Planter, condition
from openova_console.lab.kube.records import Json


def plant_kafka(planter: Planter) -> None:
    """The source in the active region, the sink in the other, a mirror in both."""
    region = planter.region
    source = {
        "topic.prefix": "cdc.mongodb",
        "collection.include.list": f"{TENANT}.*",
        "capture.mode": "change_streams_update_full",
        "heartbeat.interval.ms": 10000,
    }
    sink = {"topics.regex": "cdc\\.mongodb\\..*", "errors.deadletterqueue.topic.name": "dlq.mongodb-sink"}
    name, kind, config = (
        ("mongodb-source", "io.debezium.connector.mongodb.MongoDbConnector", source)
        if region.is_primary
        else ("mongodb-sink", "com.mongodb.kafka.connect.MongoSinkConnector", sink)
    )
    since = planter.ago(days=12)
    planter.plant(
        "kafkaconnectors.kafka.strimzi.io",
        "databases",
        name,
        labels={"strimzi.io/cluster": "connect"},
        spec={"class": kind, "tasksMax": 1, "state": "running", "autoRestart": {"enabled": True}, "config": config},
        status={
            "observedGeneration": 1,
            "tasksMax": 1,
            "topics": [],
            "conditions": [condition("Ready", "True", "Ready", "", since)],
            "connectorStatus": connector(name, "source" if region.is_primary else "sink"),
        },
    )
    mirror = f"{region.peer}->{region.id}"
    planter.plant(
        "kafkamirrormaker2s.kafka.strimzi.io",
        "databases",
        "mm2",
        spec={
            "version": "4.1.0",
            "replicas": 2,
            "target": {"alias": region.id, "bootstrapServers": "redpanda.databases.svc:9092"},
            "mirrors": [
                {
                    "source": {"alias": region.peer, "bootstrapServers": f"redpanda.{region.peer}.{DOMAIN}:9092"},
                    "sourceConnector": {
                        "tasksMax": 2,
                        "state": "running",
                        "config": {"replication.policy.class": "org.apache.kafka.connect.mirror.IdentityReplicationPolicy"},
                    },
                    "checkpointConnector": {"tasksMax": 1, "state": "running"},
                    "topicsPattern": "cdc\\..*|events\\..*",
                    "groupsPattern": ".*",
                }
            ],
        },
        status={
            "observedGeneration": 1,
            "replicas": 2,
            "labelSelector": "strimzi.io/cluster=mm2",
            "url": "http://mm2-api:8083",
            "conditions": [condition("Ready", "True", "Ready", "", since)],
            "connectors": [
                connector(f"{mirror}.MirrorSourceConnector", "source", tasks=2),
                connector(f"{mirror}.MirrorCheckpointConnector", "source"),
            ],
        },
    )


def connector(name: str, kind: str, *, tasks: int = 1) -> Json:
    """What Kafka Connect says of a running connector."""
    worker = "connect-0.connect.databases.svc:8083"
    return {
        "name": name,
        "connector": {"state": "RUNNING", "worker_id": worker},
        "tasks": [{"id": number, "state": "RUNNING", "worker_id": worker} for number in range(tasks)],
        "type": kind,
    }
