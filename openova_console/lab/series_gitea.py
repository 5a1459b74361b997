"""The series of Gitea's own Postgres, as the CloudNativePG exporter of its pod gives them."""

from collections.abc import Callable
from typing import Final

from openova_console.lab.metric import Labels, Series
from openova_console.lab.names import REGIONS, peer
from openova_console.lab.postgres import Postgres, Sender
from openova_console.lab.timeline import Epoch
from openova_console.lab.world import World

POD: Final = "gitea-postgres-1"


def series(world: World, region: str, number: int) -> tuple[Series, ...]:
    """One region's end of the stream."""
    other = REGIONS.index(peer(region)) + 1
    target = {
        "region": region,
        "job": "databases/gitea-postgres",
        "instance": f"10.{number}.3.27:9187",
        "namespace": "databases",
        "pod": POD,
        "container": "postgres",
        "endpoint": "metrics",
    }
    row = {
        "application_name": peer(region),
        "client_addr": f"10.{other}.3.27",
        "client_port": "51402",
        "usename": "streaming_replica",
    }
    slot = {"slot_name": peer(region).replace("-", "_"), "slot_type": "physical", "database": ""}

    def gauge(name: str, text: str, read: Callable[[Postgres], float | None], more: dict[str, str]) -> Series:
        labels: Labels = tuple(sorted({**target, **more}.items()))

        def value(epoch: Epoch, t: float) -> float | None:
            return read(world.giteas.database(epoch, region, t))

        return Series(f"cnpg_pg_{name}", "gauge", text, labels, value)

    def sender(name: str, text: str, read: Callable[[Sender], float]) -> Series:
        return gauge(f"stat_replication_{name}", text, lambda p: None if p.sender is None else read(p.sender), row)

    waiting = "Time elapsed between flushing recent WAL locally and receiving notification that this standby server has {} it"
    return (
        gauge("replication_lag", "Replication lag behind primary in seconds", lambda p: round(p.lag_s, 6), {}),
        gauge("replication_in_recovery", "Whether the instance is in recovery", lambda p: float(p.in_recovery), {}),
        gauge("replication_is_wal_receiver_up", "Whether the instance wal_receiver is up", lambda p: float(p.receiver_up), {}),
        gauge("replication_slots_pg_wal_lsn_diff", "Replication lag in bytes", lambda p: _number(p.slot_bytes), slot),
        sender("flush_lag_seconds", waiting.format("written and flushed"), lambda s: round(s.lag_s, 6)),
        sender(
            "flush_diff_bytes",
            "Difference in bytes from the last write-ahead log location flushed by this standby server",
            lambda s: float(s.diff_bytes),
        ),
    )


def _number(count: int | None) -> float | None:
    return None if count is None else float(count)
