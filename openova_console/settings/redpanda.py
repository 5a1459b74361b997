"""Redpanda: MirrorMaker 2 between the regions. Names follow Strimzi and the JMX rules that it ships; another rule, another name.

In names, `{source}` and `{target}` stand for the clusters' aliases.
"""

from pydantic import Field

from openova_console.settings.base import Budget, MetricName, Seconds, Section


class MirrorMetrics(Section):
    """Series of MirrorMaker 2 in the region into which it copies, by topic and partition, and of the brokers it reads."""

    latency_ms: MetricName = "kafka_connect_mirror_mirrorsourceconnector_replication_latency_ms"
    record_count: MetricName = "kafka_connect_mirror_mirrorsourceconnector_record_count"
    byte_count: MetricName = "kafka_connect_mirror_mirrorsourceconnector_byte_count"
    end_offset: MetricName = Field("redpanda_kafka_max_offset", description="The brokers' own: next offset of each partition")
    topic_label: str = "topic"
    partition_label: str = "partition"
    broker_topic_label: str = "redpanda_topic"
    broker_partition_label: str = "redpanda_partition"


class RedpandaSettings(Section):
    budget: Budget = Budget(warn_s=10, breach_s=60)
    aliases: dict[str, str] = Field({}, description="Cluster alias by region id; by default the id without its hyphens")
    source_connector: str = "{source}->{target}.MirrorSourceConnector"
    checkpoint_connector: str = "{source}->{target}.MirrorCheckpointConnector"
    topic_prefix: str = Field("{source}.", description="What the replication policy puts before a mirrored topic")
    heartbeat_topic: str = Field("heartbeats", description="The topic into which MirrorMaker 2 of the source region beats")
    heartbeat_s: Seconds = Field(1, description="emit.heartbeats.interval.seconds")
    offset_flush_s: Seconds = Field(60, description="offset.flush.interval.ms of the Connect workers, in seconds")
    metrics: MirrorMetrics = MirrorMetrics()

    def alias(self, region_id: str) -> str:
        """The cluster alias of a region."""
        return self.aliases.get(region_id, region_id.replace("-", ""))
