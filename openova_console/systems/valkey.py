"""Valkey (or Redis): `INFO replication` of one end, parsed into typed facts.

Traps: roles are still called master and slave; `master_last_io_seconds_ago` is -1 while the link is down; a frozen link
reads `up` on the replica and `online` on the primary until the time-out (60 s by default), only the seconds grow; a
replica's `master_repl_offset` is its own: bytes of lag need both ends.

Each question has its own connection, closed whatever happens: a cancelled command never leaves its answer behind for
the next one.
"""

import asyncio
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NoReturn

from redis import exceptions
from redis._parsers import _AsyncRESP2Parser
from redis.asyncio import Connection, SSLConnection

from openova_console.handbook.speech import size, span
from openova_console.settings import Network, ValkeyEndpoint
from openova_console.systems import errors
from openova_console.systems.exchange import Exchange, exchange
from openova_console.systems.faults import socket_reason, tls_reason
from openova_console.systems.http import tls_context

_ANSWER_LIMIT = 64 * 1024
_CALL = "INFO replication"


@dataclass(frozen=True, slots=True)
class Replica:
    """A replica as the primary sees it; `lag_s` is the age of its last acknowledgement."""

    address: str
    state: str
    offset: int
    lag_s: int


@dataclass(frozen=True, slots=True)
class ReplicationInfo:
    """One end of the replication.

    Attributes:
        offset: bytes of the replication stream written (primary) or applied (replica) here.
        replid, replid2: identity of the stream, and of the one before a failover.
        replicas: connected replicas.
        primary: "host:port" that a replica follows; empty on a primary.
        link_up: a replica's own view of its link; None on a primary.
        last_io_s: seconds since a replica last heard from its primary; None while the link is down, or on a primary.
        down_since_s: seconds since the link broke; None while it is up.
        syncing: a full copy is under way.
    """

    role: Literal["primary", "replica"]
    offset: int
    replid: str
    replid2: str
    replicas: tuple[Replica, ...]
    primary: str
    link_up: bool | None
    last_io_s: int | None
    down_since_s: int | None
    syncing: bool
    exchange: Exchange


async def replication(
    endpoint: ValkeyEndpoint, *, region: str, network: Network, deadline_s: float | None = None
) -> ReplicationInfo:
    """Ask one end.

    Args:
        region: display name, e.g. "Region 1".
        deadline_s: seconds for connecting, signing in and the whole answer; by default the network's read time-out.

    Raises:
        Fault: `Unreachable`, `TimedOut`, `TlsFailed`, `Refused` (wrong or missing password, or no permission),
            `Overloaded` (still loading its data), `Malformed`, `TooLarge`, `Misconfigured`.
    """
    source = f"{region}'s Valkey"
    deadline = deadline_s or network.read_timeout_s
    connection = _connection(endpoint, source, network)
    began = time.monotonic()
    try:
        async with asyncio.timeout(deadline):
            await connection.connect()  # type: ignore[no-untyped-call]
            await connection.send_command("INFO", "replication")
            answer = await connection.read_response(disable_decoding=True)
    except errors.Fault:
        raise
    except TimeoutError:
        raise errors.TimedOut(source, f"{source} did not answer within {span(deadline)}", call=_CALL) from None
    except (exceptions.RedisError, OSError, ValueError, RecursionError, asyncio.IncompleteReadError) as error:
        _raise(error, source)
    finally:
        await connection.disconnect(nowait=True)
    return parse(answer, source, duration_ms=(time.monotonic() - began) * 1000)


class _Capped(_AsyncRESP2Parser):
    """The client's parser with a limit on what one answer may announce, so that memory is bounded."""

    async def _read(self, length: int) -> bytes:
        if not 0 <= length <= _ANSWER_LIMIT:
            raise exceptions.InvalidResponse("too large")
        return await super()._read(length)


def _connection(endpoint: ValkeyEndpoint, source: str, network: Network) -> Connection:
    options: dict[str, Any] = {
        "host": endpoint.host,
        "port": endpoint.port,
        "username": endpoint.username,
        "password": _password(endpoint.password_file, source),
        "protocol": 2,
        "socket_connect_timeout": network.connect_timeout_s,
        "socket_timeout": network.read_timeout_s,
        "driver_info": None,
        "parser_class": _Capped,
    }
    if not endpoint.tls:
        return Connection(**options)
    tls_context(endpoint.ca_file, source)
    return SSLConnection(
        **options,
        ssl_cert_reqs="required",
        ssl_check_hostname=True,
        ssl_ca_certs=None if endpoint.ca_file is None else str(endpoint.ca_file),
    )


def _password(path: Path | None, source: str) -> str | None:
    try:
        return None if path is None else path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        raise errors.Misconfigured(source, f"{source} was not asked: the password file {path} cannot be read") from None


def _raise(error: Exception, source: str) -> NoReturn:
    causes: list[BaseException] = [error]
    while (inner := causes[-1].__cause__ or causes[-1].__context__) and len(causes) < 12:
        causes.append(inner)
    if isinstance(error, exceptions.TimeoutError):
        raise errors.TimedOut(source, f"{source} did not take the connection in time", call=_CALL) from None
    if isinstance(error, exceptions.BusyLoadingError):
        raise errors.Overloaded(source, f"{source} is still loading its data", call=_CALL) from None
    if isinstance(error, exceptions.AuthenticationError | exceptions.NoPermissionError):
        sentence = f"{source} does not accept the console's account: check its password and its permission for INFO"
        raise errors.Refused(source, sentence, status=401, call=_CALL) from None
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            raise errors.TlsFailed(source, f"{source} {tls_reason(cause)}", call=_CALL) from None
    if isinstance(error, exceptions.ConnectionError | OSError):
        raise errors.Unreachable(source, f"{source} {socket_reason(causes)}", call=_CALL) from None
    if isinstance(error, exceptions.ResponseError) and not isinstance(error, exceptions.InvalidResponse):
        raise errors.Failed(source, f"{source} refused the question", status=400, call=_CALL) from None
    raise errors.Malformed(source, f"{source} does not speak the Valkey protocol at that address", call=_CALL) from None


def parse(answer: Any, source: str, *, duration_ms: float = 0.0) -> ReplicationInfo:
    """The facts in an answer to `INFO replication`. Raises `Malformed` with the field as path, or `TooLarge`."""
    if not isinstance(answer, bytes):
        if isinstance(answer, Exception):
            _raise(answer, source)
        raise errors.Malformed(source, f"{source} gave no text for {_CALL}", call=_CALL)
    if len(answer) > _ANSWER_LIMIT:
        raise errors.TooLarge(source, f"{source} gave an answer of more than {size(_ANSWER_LIMIT)}", call=_CALL)
    text = answer.decode("utf-8", errors="replace")
    fields = _Fields(source, dict(line.split(":", 1) for line in text.splitlines() if ":" in line))
    shown = exchange(_CALL, text, answered_at=datetime.now(UTC), duration_ms=duration_ms)
    role = fields.text("role")
    if role not in ("master", "slave"):
        raise fields.malformed("role", "master or slave")
    replica = role == "slave"
    last_io = fields.number("master_last_io_seconds_ago") if replica else -1
    status = fields.text("master_link_status") if replica else ""
    if replica and status not in ("up", "down"):
        raise fields.malformed("master_link_status", "up or down")
    return ReplicationInfo(
        "replica" if replica else "primary",
        fields.number("slave_repl_offset" if replica else "master_repl_offset"),
        fields.text("master_replid"),
        fields.values.get("master_replid2", ""),
        tuple(fields.replica(key) for key in fields.values if key.startswith("slave") and key[5:].isdigit()),
        f"{fields.text('master_host')}:{fields.number('master_port')}" if replica else "",
        status == "up" if replica else None,
        last_io if last_io >= 0 else None,
        fields.number("master_link_down_since_seconds") if status == "down" else None,
        fields.values.get("master_sync_in_progress") == "1",
        shown,
    )


@dataclass(frozen=True, slots=True)
class _Fields:
    source: str
    values: dict[str, str]

    def malformed(self, field: str, wanted: str) -> errors.Malformed:
        sentence = f"{self.source} gave an answer that cannot be read: {field} should be {wanted}"
        return errors.Malformed(self.source, sentence, path=field, call=_CALL)

    def text(self, field: str) -> str:
        if field not in self.values:
            raise self.malformed(field, "there")
        return self.values[field][:200]

    def number(self, field: str) -> int:
        return self._number(field, self.values.get(field, ""))

    def _number(self, field: str, written: str) -> int:
        if not written.removeprefix("-").isascii() or not written.removeprefix("-").isdigit() or len(written) > 20:
            raise self.malformed(field, "a whole number")
        return int(written)

    def replica(self, field: str) -> Replica:
        """A row such as ip=127.0.0.1,port=6380,state=online,offset=64,lag=1."""
        row = dict(part.split("=", 1) for part in self.values[field].split(",") if "=" in part)
        return Replica(
            f"{row.get('ip', '')}:{row.get('port', '')}"[:120],
            row.get("state", "")[:40],
            self._number(f"{field}.offset", row.get("offset", "")),
            self._number(f"{field}.lag", row.get("lag", "")),
        )
