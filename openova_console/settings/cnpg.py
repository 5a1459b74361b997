"""CloudNativePG: the objective and the names of what is read."""

from pydantic import Field

from openova_console.settings.base import Budget, MetricName, Section


class CnpgMetrics(Section):
    """Names of the CloudNativePG exporter's series (its default monitoring queries)."""

    replication_lag: MetricName = "cnpg_pg_replication_lag"
    in_recovery: MetricName = "cnpg_pg_replication_in_recovery"
    receiver_up: MetricName = "cnpg_pg_replication_is_wal_receiver_up"
    flush_lag: MetricName = "cnpg_pg_stat_replication_flush_lag_seconds"
    flush_diff: MetricName = "cnpg_pg_stat_replication_flush_diff_bytes"
    slot_diff: MetricName = "cnpg_pg_replication_slots_pg_wal_lsn_diff"


class CnpgSettings(Section):
    budget: Budget = Budget(warn_s=5, breach_s=30)
    application_name: str = Field("", description="The DR standby's name in pg_stat_replication; empty accepts the only one")
    slot_name: str = Field("", description="The DR standby's replication slot; empty accepts the only one")
    metrics: CnpgMetrics = CnpgMetrics()
