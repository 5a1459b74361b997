"""MongoDB: change data capture by Debezium, carried by MirrorMaker 2, applied by a sink connector in the other region."""

from pydantic import Field

from openova_console.settings.base import Budget, MetricName, Seconds, Section


class CaptureMetrics(Section):
    """Series of Debezium in the primary region and of the sink's consumer group in the DR region."""

    behind_ms: MetricName = "debezium_metrics_MilliSecondsBehindSource"
    since_event_ms: MetricName = "debezium_metrics_MilliSecondsSinceLastEvent"
    connected: MetricName = "debezium_metrics_Connected"
    debezium_labels: dict[str, str] = Field(
        {"context": "streaming", "plugin": "mongodb"}, description="Labels that Debezium's series must have where they have them"
    )
    sink_lag: MetricName = "kafka_consumergroup_lag"
    group_label: str = "consumergroup"


class MongodbSettings(Section):
    budget: Budget = Budget(warn_s=10, breach_s=60)
    source_connector: str = "mongodb-source"
    sink_connector: str = "mongodb-sink"
    sink_group: str = Field(
        "connect-mongodb-sink", description="The sink's consumer group; Connect puts connect- before its name"
    )
    topic_prefix: str = Field("cdc.mongodb.", description="What all topics of captured changes begin with")
    heartbeat_topic: str = Field("__debezium-heartbeat.cdc.mongodb", description="Debezium's heartbeat topic")
    heartbeat_s: Seconds = Field(10, description="heartbeat.interval.ms of Debezium, in seconds")
    metrics: CaptureMetrics = CaptureMetrics()
