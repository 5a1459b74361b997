"""The text of Valkey's INFO, in the legacy words and the order in which the server writes it (Valkey 8)."""

from openova_console.lab.names import DOMAIN, peer
from openova_console.lab.valkey import BACKLOG, Valkey
from openova_console.lab.waves import hexdigits

VERSION = "8.0.1"
STARTED = 1.7e9


def host(region: str) -> str:
    """The name under which the other region's replica reaches this region's Valkey."""
    return f"valkey.{region}.{DOMAIN}"


def replication(valkey: Valkey, region: str) -> str:
    """The section `# Replication`."""
    rows: list[tuple[str, object]] = []
    if valkey.replica is not None:
        replica = valkey.replica
        rows += [
            ("role", "slave"),
            ("master_host", host(peer(region))),
            ("master_port", 6379),
            ("master_link_status", "up" if replica.link_up else "down"),
            ("master_last_io_seconds_ago", replica.last_io_s),
            ("master_sync_in_progress", 0),
            ("slave_read_repl_offset", valkey.offset),
            ("slave_repl_offset", valkey.offset),
        ]
        if replica.down_since_s is not None:
            rows.append(("master_link_down_since_seconds", replica.down_since_s))
        rows += [("slave_priority", 100), ("slave_read_only", 1), ("replica_announced", 1), ("connected_slaves", 0)]
    else:
        rows += [("role", "master"), ("connected_slaves", 0 if valkey.attached is None else 1)]
        if valkey.attached is not None:
            number = peer(region).removeprefix("region-")
            row = f"ip=10.{number}.3.21,port=6379,state=online,offset={valkey.attached.offset},lag={valkey.attached.lag_s}"
            rows.append(("slave0", row))
    length = min(valkey.offset, BACKLOG)
    rows += [
        ("master_failover_state", "no-failover"),
        ("master_replid", valkey.replid),
        ("master_replid2", valkey.replid2),
        ("master_repl_offset", valkey.offset),
        ("second_repl_offset", valkey.second_offset),
        ("repl_backlog_active", 1),
        ("repl_backlog_size", BACKLOG),
        ("repl_backlog_first_byte_offset", valkey.offset - length + 1),
        ("repl_backlog_histlen", length),
    ]
    return _section("Replication", rows)


def server(seed: int, region: str, t: float) -> str:
    """The section `# Server`. Valkey still says `redis_version`, for the sake of old clients."""
    uptime = int(t - STARTED)
    rows: list[tuple[str, object]] = [
        ("redis_version", "7.2.4"),
        ("server_name", "valkey"),
        ("valkey_version", VERSION),
        ("valkey_release_stage", "ga"),
        ("server_mode", "standalone"),
        ("os", "Linux 6.6.0 x86_64"),
        ("arch_bits", 64),
        ("process_id", 1),
        ("run_id", hexdigits(40, seed, "run", region)),
        ("tcp_port", 6379),
        ("server_time_usec", int(t * 1e6)),
        ("uptime_in_seconds", uptime),
        ("uptime_in_days", uptime // 86400),
    ]
    return _section("Server", rows)


def _section(title: str, rows: list[tuple[str, object]]) -> str:
    return "".join([f"# {title}\r\n", *(f"{key}:{value}\r\n" for key, value in rows)])
