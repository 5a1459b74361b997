"""OpenCost's allocation API: what a cluster has cost over a window.

`GET /allocation?window=…&aggregate=cluster&accumulate=true&includeIdle=true` (opencost.io/docs/integrations/api). Without
`includeIdle` capacity that no workload uses is left out, although it is paid for. Traps: an error can come inside a 200 (`code`
of the document); rows carry names like `__idle__`; the window's end is what was asked for, and only `minutes` says how much
of it there is data for.
"""

from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any, Literal

import httpx

from openova_console.handbook.budget import Spent
from openova_console.settings import HttpEndpoint, Network
from openova_console.systems import shape
from openova_console.systems.errors import Absent, Failed, Misconfigured
from openova_console.systems.exchange import Exchange
from openova_console.systems.http import client, fetch_json

_OWN = "__"
"""Rows that OpenCost makes itself (`__idle__`, `__unallocated__`, `__unmounted__`) begin so, after a slash if there is one."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """What a cluster cost; `warning` is True when OpenCost says that its answer is not whole."""

    spent: Spent
    warning: bool
    exchange: Exchange


class OpenCost:
    """One region's OpenCost."""

    def __init__(self, http: httpx.AsyncClient, *, source: str, max_bytes: int, deadline_s: float) -> None:
        self._http, self._source, self._max_bytes, self._deadline_s = http, source, max_bytes, deadline_s

    async def aclose(self) -> None:
        await self._http.aclose()

    async def cost(self, window: Literal["month", "24h"], *, cluster: str = "") -> Allocation:
        """What the cluster cost since the first of the month, or over the last 24 h.

        Args:
            cluster: its name in OpenCost; empty when OpenCost knows one cluster alone.

        Raises:
            Absent: there is no data, or no such cluster.
            Misconfigured: there are several clusters and `cluster` is empty.
            Fault: see `systems.http.fetch_json`.
        """
        answer = await fetch_json(
            self._http,
            "GET",
            "/allocation",
            source=self._source,
            max_bytes=self._max_bytes,
            deadline_s=self._deadline_s,
            params={"window": window, "aggregate": "cluster", "accumulate": "true", "includeIdle": "true"},
        )
        spent = _spent(self._rows(answer.document, answer.exchange.call), cluster, self._source, answer.exchange)
        return Allocation(spent, bool(shape.text(self._source, answer.document, "warning")), answer.exchange)

    def _rows(self, document: Any, call: str) -> dict[str, Any]:
        code = shape.require(self._source, document, "code", kind=int)
        if code != httpx.codes.OK:
            raise Failed(self._source, f"{self._source} failed by itself (code {code} inside its answer)", status=code, call=call)
        status = shape.text(self._source, document, "status")
        if status not in ("", "success"):
            raise Failed(self._source, f"{self._source} does not call its own answer a success", status=code, call=call)
        sets = shape.rows(self._source, document, "data")
        if len(sets) > 1:
            raise shape.malformed(self._source, ("data",), "one set, as accumulate=true asks for")
        if not sets or not sets[0]:
            raise Absent(self._source, f"{self._source} has no data for this window", call=call)
        return sets[0]


def _spent(rows: dict[str, Any], cluster: str, source: str, exchange: Exchange) -> Spent:
    """The sum over one cluster's rows; its data end where the shortest of its real rows does, at the latest now."""
    named = [name for name in rows if not name.rpartition("/")[2].startswith(_OWN)]
    if cluster and cluster not in named:
        raise Absent(source, f"{source} knows no cluster of the name in the settings", call=exchange.call)
    if not cluster and len(named) > 1:
        hint = "name the region's own in cost.opencost_clusters"
        raise Misconfigured(source, f"{source} knows {len(named)} clusters: {hint}", call=exchange.call)
    amount, begins, ends = 0.0, [], []
    for name, row in rows.items():
        if cluster and name != cluster and not _belongs(source, row, cluster):
            continue
        cost = shape.require(source, rows, name, "totalCost", kind=float)
        if cost < 0:
            raise shape.malformed(source, (name, "totalCost"), "0 or more")
        amount += cost
        start = shape.instant(source, rows, name, "start")
        minutes = shape.require(source, rows, name, "minutes", kind=float)
        if start is None or not 0 < minutes <= 366 * 1440:
            raise shape.malformed(source, (name, "minutes"), "a window that begins and lasts")
        begins.append(start)
        if name in named:
            ends.append(start + timedelta(minutes=minutes))
    if not ends:
        raise Absent(source, f"{source} has no data for this window", call=exchange.call)
    return Spent(amount, min(begins), min([*ends, exchange.answered_at.astimezone(UTC)]))


def _belongs(source: str, row: Any, cluster: str) -> bool:
    """Whether one of OpenCost's own rows is of this cluster."""
    return shape.text(source, row, "properties", "cluster") == cluster


def connect(endpoint: HttpEndpoint, *, region: str, network: Network, deadline_s: float) -> OpenCost:
    """A client of one region's OpenCost. Raises `Misconfigured` when the CA file cannot be used."""
    source = f"{region}'s OpenCost"
    http = client(base_url=endpoint.url, network=network, ca_file=endpoint.ca_file, token_file=endpoint.token_file, source=source)
    return OpenCost(http, source=source, max_bytes=network.max_body_mib * 2**20, deadline_s=deadline_s)
