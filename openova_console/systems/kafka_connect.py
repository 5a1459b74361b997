"""Kafka Connect's REST API (3.x): states of connectors and tasks, and the offsets that a source has read.

Traps: a connector says RUNNING while its task is FAILED; a checkpoint connector without consumer groups has no tasks and is
in order; offsets are as of the last commit (a minute apart by default); names hold ">" and need quoting. The configuration
of connectors (`expand=info`) holds passwords and is never asked for.
"""

import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import httpx

from openova_console.handbook.streams import Connector, Task
from openova_console.settings import HttpEndpoint, Network
from openova_console.systems import errors, shape
from openova_console.systems.exchange import Exchange, cut, redact_text
from openova_console.systems.http import client, fetch_json

_TRACE_LIMIT = 160
_STATE = re.compile(r"^[A-Z_]{1,30}$")
_PACKAGE = re.compile(r"\b(?:[a-z_$][\w$]*\.)+(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Statuses:
    """Every connector of one Connect cluster."""

    connectors: tuple[Connector, ...]
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class SourceOffsets:
    """The last offset that a MirrorMaker 2 source has copied and committed, by topic of the source and partition."""

    read: dict[tuple[str, int], int]
    exchange: Exchange


class KafkaConnect:
    """One region's Kafka Connect."""

    def __init__(self, *, region: str, http: httpx.AsyncClient, max_bytes: int, deadline_s: float) -> None:
        self.source = f"{region}'s Kafka Connect"
        self._http = http
        self._max_bytes = max_bytes
        self._deadline_s = deadline_s

    async def statuses(self) -> Statuses:
        """States of all connectors and their tasks, in one question. Raises `Fault` as `http.fetch_json`."""
        document, seen = await self._ask("/connectors?expand=status")
        if not isinstance(document, dict):
            raise shape.malformed(self.source, (), "an object of connectors")
        found = tuple(sorted((self._connector(name, document) for name in document), key=lambda c: c.name))
        return Statuses(found, replace(seen, answer=_without_traces(seen.answer)))

    async def offsets(self, connector: str) -> SourceOffsets:
        """Where a mirror has read up to. Raises `Absent` when there is no such connector, else `Fault` as `statuses`."""
        try:
            document, seen = await self._ask(f"/connectors/{quote(connector, safe='')}/offsets")
        except errors.NotInstalled as fault:
            said = f"{self.source} has no connector {connector}"
            raise errors.Absent(self.source, said, call=fault.call) from None
        shape.require(self.source, document, "offsets", kind=list)
        read: dict[tuple[str, int], int] = {}
        for index, row in enumerate(shape.rows(self.source, document, "offsets")):
            path = ("offsets", index)
            if shape.optional(self.source, row, "offset", kind=dict) is None:
                continue
            where = shape.require(self.source, row, "partition", kind=dict)
            topic = shape.optional(self.source, where, "topic", kind=str)
            number = shape.optional(self.source, where, "partition", kind=int)
            offset = shape.optional(self.source, row, "offset", "offset", kind=int)
            if topic is None or number is None or offset is None:
                raise shape.malformed(self.source, path, "a topic, a partition and an offset")
            read[topic, number] = offset
        return SourceOffsets(read, seen)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _ask(self, url: str) -> tuple[Any, Exchange]:
        answer = await fetch_json(
            self._http, "GET", url, source=self.source, max_bytes=self._max_bytes, deadline_s=self._deadline_s
        )
        return answer.document, answer.exchange

    def _connector(self, name: str, document: dict[str, Any]) -> Connector:
        trace = shape.text(self.source, document, name, "status", "connector", "trace")
        tasks = tuple(
            Task(
                id=shape.require(self.source, row, "id", kind=int),
                state=self._state(row, "state"),
                trace=first_line(shape.text(self.source, row, "trace")),
            )
            for row in shape.rows(self.source, document, name, "status", "tasks")
        )
        return Connector(name, self._state(document, name, "status", "connector", "state"), tasks, first_line(trace))

    def _state(self, document: dict[str, Any], *path: str) -> str:
        """A state in Connect's capitals: it is shown, so nothing else passes."""
        state = shape.require(self.source, document, *path, kind=str)
        if not _STATE.match(state):
            raise shape.malformed(self.source, path, "a state in capitals")
        return state


def connect(endpoint: HttpEndpoint, *, region: str, network: Network, deadline_s: float | None = None) -> KafkaConnect:
    """A Kafka Connect from its settings; `region` is its display name. Raises `Misconfigured` for an unusable CA file."""
    http = client(
        base_url=endpoint.url,
        network=network,
        ca_file=endpoint.ca_file,
        token_file=endpoint.token_file,
        source=f"{region}'s Kafka Connect",
    )
    return KafkaConnect(
        region=region, http=http, max_bytes=network.max_body_mib * 2**20, deadline_s=deadline_s or network.read_timeout_s
    )


def first_line(trace: str) -> str:
    """What a stack trace says first, without packages, control characters and anything that has the shape of a secret."""
    line = next((part for part in trace.splitlines() if part.strip()), "")
    line = "".join(c for c in _PACKAGE.sub("", redact_text(line[:2000])).strip() if c.isprintable())
    return cut(line, _TRACE_LIMIT).replace("\n", " ")


def _without_traces(answer: str) -> str:
    """A shown answer with stack traces shortened to their first line: the rest is long, and may print configuration."""
    return re.sub(r'("trace": ")((?:[^"\\]|\\.)*)', lambda m: m[1] + m[2].split("\\n", 1)[0], answer)
