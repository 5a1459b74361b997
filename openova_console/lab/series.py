"""The series of one region, with the labels that the platform's exporters and pod monitors give them.

Names are those of CloudNativePG's default queries, the WireGuard and blackbox exporters, the failover controller and
the gateway. A series without a value at some time is not exported then, as a row that is gone is not.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from openova_console.lab.names import REGIONS, peer
from openova_console.lab.timeline import Epoch
from openova_console.lab.waves import hexdigits
from openova_console.lab.world import World

Labels = tuple[tuple[str, str], ...]
Value = Callable[[Epoch, float], float | None]

TARGET_LABELS = ("job", "instance", "region")


@dataclass(frozen=True, slots=True)
class Series:
    """One time series; `value` gives None while it is not exported."""

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    labels: Labels
    value: Value = field(compare=False)

    @property
    def metric(self) -> dict[str, str]:
        """The labels with the name, in the order in which Prometheus writes them."""
        return dict(sorted((("__name__", self.name), *self.labels)))


def catalogue(world: World, region: str) -> tuple[Series, ...]:
    """Every series of `region` except `up`, which Prometheus makes itself."""
    number = REGIONS.index(region) + 1
    return (
        *_postgres(world, region, number),
        *_link(world, region, number),
        *_controller(world, region, number),
        *_traffic(world, region, number),
    )


def targets(series: tuple[Series, ...]) -> tuple[Labels, ...]:
    """The scrape targets behind these series: their job, instance and region."""
    found = {tuple(sorted((k, v) for k, v in s.labels if k in TARGET_LABELS)) for s in series}
    return tuple(sorted(found))


def _labels(region: str, job: str, instance: str, **more: str) -> Labels:
    return tuple(sorted({"region": region, "job": job, "instance": instance, **more}.items()))


def _postgres(world: World, region: str, number: int) -> tuple[Series, ...]:
    pod = {"namespace": "databases", "pod": "postgres-1", "container": "postgres", "endpoint": "metrics"}
    address = f"10.{number}.3.17:9187"
    base = _labels(region, "databases/postgres", address, **pod)
    other = REGIONS.index(peer(region)) + 1
    standby = tuple(
        sorted(
            {
                **dict(base),
                "application_name": peer(region),
                "client_addr": f"10.{other}.3.17",
                "client_port": "51344",
                "usename": "streaming_replica",
            }.items()
        )
    )
    slot = tuple(
        sorted({**dict(base), "slot_name": peer(region).replace("-", "_"), "slot_type": "physical", "database": ""}.items())
    )

    def sender(pick: Callable[[float, int], float]) -> Value:
        def value(epoch: Epoch, t: float) -> float | None:
            row = world.postgres.look(epoch, region, t).sender
            return None if row is None else pick(row.lag_s, row.diff_bytes)

        return value

    look = world.postgres.look
    rows = (
        ("cnpg_collector_up", "1 if PostgreSQL is up, 0 otherwise.", lambda e, t: 1.0),
        ("cnpg_pg_replication_lag", "Replication lag behind primary in seconds", lambda e, t: round(look(e, region, t).lag_s, 6)),
        (
            "cnpg_pg_replication_in_recovery",
            "Whether the instance is in recovery",
            lambda e, t: float(look(e, region, t).in_recovery),
        ),
        (
            "cnpg_pg_replication_is_wal_receiver_up",
            "Whether the instance wal_receiver is up",
            lambda e, t: float(look(e, region, t).receiver_up),
        ),
        (
            "cnpg_pg_replication_streaming_replicas",
            "Number of streaming replicas connected to the instance",
            lambda e, t: float(look(e, region, t).sender is not None),
        ),
    )
    lags = tuple(
        Series(
            f"cnpg_pg_stat_replication_{what}_lag_seconds",
            "gauge",
            f"Time elapsed between flushing recent WAL locally and receiving notification that this standby server has {done} it",
            standby,
            sender(lambda lag, diff, share=share: round(lag * share, 6)),  # type: ignore[misc]
        )
        for what, done, share in (("write", "written", 0.8), ("flush", "written and flushed", 1.0), ("replay", "applied", 1.1))
    )
    diffs = tuple(
        Series(
            f"cnpg_pg_stat_replication_{what}_diff_bytes",
            "gauge",
            f"Difference in bytes from the last write-ahead log location {what} by this standby server",
            standby,
            sender(lambda lag, diff, share=share: float(int(diff * share))),  # type: ignore[misc]
        )
        for what, share in (("sent", 0.5), ("write", 0.9), ("flush", 1.0), ("replay", 1.0))
    )

    def slot_bytes(epoch: Epoch, t: float) -> float | None:
        behind = look(epoch, region, t).slot_bytes
        return None if behind is None else float(behind)

    def slot_active(epoch: Epoch, t: float) -> float | None:
        seen = look(epoch, region, t)
        return None if seen.slot_bytes is None else float(seen.slot_active)

    return (
        *(Series(name, "gauge", text, base, value) for name, text, value in rows),
        *lags,
        *diffs,
        Series("cnpg_pg_replication_slots_active", "gauge", "Flag indicating if the slot is active", slot, slot_active),
        Series("cnpg_pg_replication_slots_pg_wal_lsn_diff", "gauge", "Replication lag in bytes", slot, slot_bytes),
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


def _traffic(world: World, region: str, number: int) -> tuple[Series, ...]:
    def labels(status: str) -> Labels:
        return _labels(region, "gateway", f"10.{number}.5.2:8080", status=status)

    text = "Requests answered, by status"
    return (
        Series("http_requests_total", "counter", text, labels("200"), lambda e, t: float(int(world.requests(e, region, t)[0]))),
        Series("http_requests_total", "counter", text, labels("500"), lambda e, t: float(int(world.requests(e, region, t)[1]))),
    )
