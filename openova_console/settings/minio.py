"""MinIO: bucket replication."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from openova_console.settings.base import Budget, MetricName, Seconds, Section


class MinioMetrics(Section):
    """Metric names of MinIO's own endpoint (docs/metrics/prometheus/list.md)."""

    link_online: MetricName = "minio_node_replication_link_online"
    link_offline_s: MetricName = "minio_node_replication_link_offline_duration_seconds"
    sent_count: MetricName = "minio_bucket_replication_sent_count"
    sent_bytes: MetricName = "minio_bucket_replication_sent_bytes"
    failed_count: MetricName = "minio_bucket_replication_total_failed_count"
    failed_bytes: MetricName = "minio_bucket_replication_total_failed_bytes"
    failed_last_hour: MetricName = "minio_bucket_replication_last_hour_failed_count"
    received_count: MetricName = "minio_bucket_replication_received_count"


class MinioMarker(Section):
    """A probe write: a small object in a replicated bucket whose replication status proves what the counters cannot.

    The only thing that the console writes while it looks. It is off unless switched on here.
    """

    enabled: bool = False
    bucket: str = Field("", max_length=63, description="A replicated bucket of the primary region; a bucket of its own is best")
    key: str = Field("openova-console/marker", min_length=1, max_length=200, pattern=r"^[A-Za-z0-9._/-]+$")
    access_key_file: Path | None = Field(None, description="Access key that may PutObject and GetObject on this key alone")
    secret_key_file: Path | None = None
    s3_region: str = "us-east-1"
    every_s: Seconds = Field(60, description="A new one is written at most so often, and never while the last is on its way")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.enabled and not (self.bucket and self.access_key_file and self.secret_key_file):
            raise ValueError("a marker that is enabled needs bucket, access_key_file and secret_key_file")
        return self


class MinioSettings(Section):
    budget: Budget = Budget(warn_s=300, breach_s=900)
    metrics: MinioMetrics = MinioMetrics()
    target: str = Field("", description="host:port of the DR region's MinIO as the primary's knows it; empty takes every target")
    buckets: tuple[str, ...] = Field((), description="Buckets that must replicate; empty takes those that the metrics name")
    cache_s: Seconds = Field(60, description="MinIO computes its v2 metrics anew at most so often: they may be so much older")
    settle_s: Seconds = Field(90, description="After a failure: counters are believed to have caught up no sooner than this")
    marker: MinioMarker = MinioMarker()
