"""Prometheus exporters on loopback: CloudNativePG's default monitoring queries on a real PostgreSQL, and a link probe.

The queries and the names, labels and COALESCEs of their results are those of CloudNativePG's default monitoring
configuration, so that they go wrong where the real ones go wrong.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
from psycopg.rows import dict_row

_REPLICATION = """
SELECT CASE WHEN (NOT pg_catalog.pg_is_in_recovery()
                  OR pg_catalog.pg_last_wal_receive_lsn() = pg_catalog.pg_last_wal_replay_lsn()) THEN 0
            ELSE GREATEST(0, EXTRACT(EPOCH FROM (now() - pg_catalog.pg_last_xact_replay_timestamp()))) END AS lag,
       pg_catalog.pg_is_in_recovery()::int AS in_recovery,
       EXISTS (TABLE pg_catalog.pg_stat_wal_receiver)::int AS is_wal_receiver_up,
       (SELECT count(*) FROM pg_catalog.pg_stat_replication) AS streaming_replicas
"""
_STAT_REPLICATION = """
SELECT usename, COALESCE(application_name, '') AS application_name, COALESCE(client_addr::text, '') AS client_addr,
       COALESCE(client_port::text, '') AS client_port,
       pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), sent_lsn) AS sent_diff_bytes,
       pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), write_lsn) AS write_diff_bytes,
       pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), flush_lsn) AS flush_diff_bytes,
       COALESCE(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), replay_lsn), 0) AS replay_diff_bytes,
       COALESCE(EXTRACT(EPOCH FROM write_lag), 0)::float AS write_lag_seconds,
       COALESCE(EXTRACT(EPOCH FROM flush_lag), 0)::float AS flush_lag_seconds,
       COALESCE(EXTRACT(EPOCH FROM replay_lag), 0)::float AS replay_lag_seconds
FROM pg_catalog.pg_stat_replication
"""
_SLOTS = """
SELECT slot_name, slot_type, COALESCE(database, '') AS database, active::int AS active,
       CASE pg_catalog.pg_is_in_recovery()
         WHEN true THEN pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_last_wal_receive_lsn(), restart_lsn)
         ELSE pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn) END AS pg_wal_lsn_diff
FROM pg_catalog.pg_replication_slots WHERE NOT temporary
"""
_QUERIES = (
    ("cnpg_pg_replication", _REPLICATION, ()),
    ("cnpg_pg_stat_replication", _STAT_REPLICATION, ("usename", "application_name", "client_addr", "client_port")),
    ("cnpg_pg_replication_slots", _SLOTS, ("slot_name", "slot_type", "database")),
)


def cnpg_metrics(dsn: str) -> str:
    """What CloudNativePG's exporter says about this server now; only `cnpg_collector_up 0` when it does not answer."""
    lines: list[str] = []
    try:
        with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
            recovering = connection.execute("SELECT pg_is_in_recovery() AS it").fetchone()
            for prefix, query, labels in _QUERIES:
                if prefix == "cnpg_pg_stat_replication" and recovering and recovering["it"]:
                    continue
                for row in connection.execute(query.encode()):
                    shown = ",".join(f'{label}="{row[label]}"' for label in labels)
                    lines += [f"{prefix}_{k}{{{shown}}} {v}" for k, v in row.items() if k not in labels and v is not None]
    except psycopg.Error:
        return "cnpg_collector_up 0\n"
    return "\n".join([*lines, "cnpg_collector_up 1", ""])


def probe_metrics(port: int) -> str:
    """One TCP round trip over the link: an answer must come back within 0.4 s, less than a scrape may take."""
    began = time.monotonic()
    through = False
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.4) as connection:
        connection.sendall(b"PING\r\n")
        through = connection.recv(1) != b""
    return f"probe_success {int(through)}\nprobe_duration_seconds {time.monotonic() - began:.6f}\n"


class Exporter:
    """Serves `metrics()` on /metrics; while `broken`, answers 500 as an exporter that has lost its way."""

    def __init__(self, metrics: Callable[[], str]) -> None:
        self.broken = False
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = b"" if exporter.broken else metrics().encode()
                self.send_response(500 if exporter.broken else 200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="exporter", daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
