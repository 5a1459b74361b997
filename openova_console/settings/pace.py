"""How often each source is read, and how old a sample may be."""

from pydantic import Field

from openova_console.settings.base import Seconds, Section


class Cadence(Section):
    """Seconds between two reads of one source."""

    kubernetes_probe_s: Seconds = Field(10, description="Handbook: health check every 10 s")
    replication_s: Seconds = 15
    valkey_s: Seconds = 10
    witnesses_s: Seconds = 30
    link_s: Seconds = 15
    streams_s: Seconds = Field(15, description="Kafka Connect and the series of Debezium and MirrorMaker 2")
    minio_s: Seconds = 30
    harbor_s: Seconds = 60
    vault_s: Seconds = 30
    gitea_s: Seconds = 30
    gslb_s: Seconds = 15
    slo_s: Seconds = 60
    delivery_s: Seconds = 15
    cost_s: Seconds = 300
    alerts_s: Seconds = 15
    timeout_s: Seconds = Field(10, description="One read ends after this time whatever happens (handbook: queryTimeout 10 s)")


class Freshness(Section):
    """How old a sample may be, in seconds, before it counts as unknown."""

    kubernetes_s: Seconds = 45
    replication_s: Seconds = 60
    valkey_s: Seconds = 30
    witnesses_s: Seconds = 90
    link_s: Seconds = 90
    streams_s: Seconds = 60
    minio_s: Seconds = 120
    harbor_s: Seconds = 180
    vault_s: Seconds = 120
    gitea_s: Seconds = 120
    gslb_s: Seconds = 60
    slo_s: Seconds = 180
    delivery_s: Seconds = 60
    cost_s: Seconds = Field(86400, description="OpenCost's figures lag by hours")
    alerts_s: Seconds = 60
