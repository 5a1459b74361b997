"""The series of one region, with the labels that the platform's exporters and pod monitors give them.

Names are those of CloudNativePG's default queries, the WireGuard and blackbox exporters, the failover controller and
the gateway. A series without a value at some time is not exported then, as a row that is gone is not.
"""

from collections.abc import Callable

from openova_console.lab import series_gitea, series_slo, series_streams
from openova_console.lab.metric import Labels, Series, Value
from openova_console.lab.names import REGIONS, peer
from openova_console.lab.postgres import Postgres, Sender
from openova_console.lab.timeline import Epoch
from openova_console.lab.waves import hexdigits
from openova_console.lab.world import World

__all__ = ["MORE", "TARGET_LABELS", "Labels", "Series", "Value", "catalogue", "targets"]

MORE: tuple[Callable[[World, str, int], tuple[Series, ...]], ...] = (
    series_slo.series,
    series_streams.streams,
    series_gitea.series,
)
"""Further makers of series, by world, region and the region's number."""

TARGET_LABELS = ("job", "instance", "region")


def catalogue(world: World, region: str) -> tuple[Series, ...]:
    """Every series of `region` except `up`, which Prometheus makes itself."""
    number = REGIONS.index(region) + 1
    return (
        *_postgres(world, region, number),
        *_link(world, region, number),
        *_controller(world, region, number),
        *(series for more in MORE for series in more(world, region, number)),
    )


def targets(series: tuple[Series, ...]) -> tuple[Labels, ...]:
    """The scrape targets behind these series: their job, instance and region."""
    found = {tuple(sorted((k, v) for k, v in s.labels if k in TARGET_LABELS)) for s in series}
    return tuple(sorted(found))


def _labels(region: str, job: str, instance: str, **more: str) -> Labels:
    return tuple(sorted({"region": region, "job": job, "instance": instance, **more}.items()))


def _with(labels: Labels, **more: str) -> Labels:
    return tuple(sorted({**dict(labels), **more}.items()))


def _postgres(world: World, region: str, number: int) -> tuple[Series, ...]:
    pod = {"namespace": "databases", "pod": "postgres-1", "container": "postgres", "endpoint": "metrics"}
    labels = _labels(region, "databases/postgres", f"10.{number}.3.17:9187", **pod)

    def gauge(name: str, text: str, read: Callable[[Postgres], float | None], more: Labels = labels) -> Series:
        return Series(name, "gauge", text, more, lambda e, t: read(world.postgres.look(e, region, t)))

    slot = _with(labels, slot_name=peer(region).replace("-", "_"), slot_type="physical", database="")
    return (
        gauge("cnpg_collector_up", "1 if PostgreSQL is up, 0 otherwise.", lambda p: 1.0),
        gauge("cnpg_pg_replication_lag", "Replication lag behind primary in seconds", lambda p: round(p.lag_s, 6)),
        gauge("cnpg_pg_replication_in_recovery", "Whether the instance is in recovery", lambda p: float(p.in_recovery)),
        gauge(
            "cnpg_pg_replication_is_wal_receiver_up",
            "Whether the instance wal_receiver is up",
            lambda p: float(p.receiver_up),
        ),
        gauge(
            "cnpg_pg_replication_streaming_replicas",
            "Number of streaming replicas connected to the instance",
            lambda p: float(p.sender is not None),
        ),
        gauge(
            "cnpg_pg_replication_slots_active",
            "Flag indicating if the slot is active",
            lambda p: None if p.slot_bytes is None else float(p.slot_active),
            slot,
        ),
        gauge(
            "cnpg_pg_replication_slots_pg_wal_lsn_diff",
            "Replication lag in bytes",
            lambda p: None if p.slot_bytes is None else float(p.slot_bytes),
            slot,
        ),
        *_senders(world, region, labels),
    )


def _senders(world: World, region: str, labels: Labels) -> tuple[Series, ...]:
    """The standby's row in pg_stat_replication: writing comes before flushing, replaying after it."""
    other = REGIONS.index(peer(region)) + 1
    row = _with(
        labels,
        application_name=peer(region),
        client_addr=f"10.{other}.3.17",
        client_port="51344",
        usename="streaming_replica",
    )

    def column(what: str, text: str, read: Callable[[Sender], float]) -> Series:
        def value(epoch: Epoch, t: float) -> float | None:
            sender = world.postgres.look(epoch, region, t).sender
            return None if sender is None else read(sender)

        return Series(f"cnpg_pg_stat_replication_{what}", "gauge", text, row, value)

    waiting = "Time elapsed between flushing recent WAL locally and receiving notification that this standby server has {} it"
    behind = "Difference in bytes from the last write-ahead log location {} by this standby server"
    return (
        column("write_lag_seconds", waiting.format("written"), lambda s: round(0.8 * s.lag_s, 6)),
        column("flush_lag_seconds", waiting.format("written and flushed"), lambda s: round(s.lag_s, 6)),
        column("replay_lag_seconds", waiting.format("written, flushed and applied"), lambda s: round(1.1 * s.lag_s, 6)),
        column("sent_diff_bytes", behind.format("sent"), lambda s: float(s.diff_bytes // 2)),
        column("write_diff_bytes", behind.format("written"), lambda s: float(s.diff_bytes * 9 // 10)),
        column("flush_diff_bytes", behind.format("flushed"), lambda s: float(s.diff_bytes)),
        column("replay_diff_bytes", behind.format("replayed into the database"), lambda s: float(s.diff_bytes)),
    )


def _link(world: World, region: str, number: int) -> tuple[Series, ...]:
    other = REGIONS.index(peer(region)) + 1
    key = hexdigits(43, world.seed, "wireguard", peer(region)) + "="
    tunnel = _labels(
        region, "wireguard", f"10.{number}.0.11:9586", interface="wg0", public_key=key, allowed_ips=f"10.{other}.0.0/16"
    )
    probe = _labels(region, "cross-region", f"10.{other}.0.11:6443")
    return (
        Series(
            "wireguard_latest_handshake_seconds",
            "gauge",
            "Seconds from the last handshake",
            tunnel,
            lambda e, t: float(int(world.link.handshake(e, t))),
        ),
        Series(
            "probe_duration_seconds",
            "gauge",
            "Returns how long the probe took to complete in seconds",
            probe,
            lambda e, t: round(world.link.probe(e, region, t)[1], 9),
        ),
        Series(
            "probe_success",
            "gauge",
            "Displays whether or not the probe was a success",
            probe,
            lambda e, t: float(world.link.probe(e, region, t)[0]),
        ),
    )


def _controller(world: World, region: str, number: int) -> tuple[Series, ...]:
    labels = _labels(region, "failover-controller", f"10.{number}.4.9:9090", namespace="failover-controller")
    return (
        Series(
            "failover_controller_state",
            "gauge",
            "State of the failover controller: 0 STANDBY, 1 ACTIVE, 2 FAILING_OVER",
            labels,
            lambda e, t: float(world.active(e, region)),
        ),
        Series(
            "failover_lease_ttl_seconds",
            "gauge",
            "Seconds until the lease expires",
            labels,
            lambda e, t: round(world.lease_ttl(e, region, t), 3),
        ),
    )
