"""Prometheus (or Mimir) query API: raw samples of named series over a window.

A range selector is sent as an instant query, so that each sample keeps its own time. An instant selector would stamp
the last sample within five minutes with the time of the question: a dead exporter would look alive. Nothing found is
nothing found: an empty window, never a zero.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import httpx

from openova_console.settings import HttpEndpoint, Network
from openova_console.systems import shape
from openova_console.systems.exchange import Exchange, cut
from openova_console.systems.http import Answer, client, fetch_json

_NAME = re.compile(r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")
_LABEL = re.compile(r"^[a-zA-Z_][a-zA-Z0-9_]*$")


class Point(NamedTuple):
    """One sample: the instant (UTC) at which Prometheus took it, and its value (may be NaN or infinite)."""

    at: datetime
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """One time series within the window; `points` oldest first, never empty."""

    name: str
    labels: Mapping[str, str]
    points: tuple[Point, ...]

    @property
    def newest(self) -> Point:
        return self.points[-1]


@dataclass(frozen=True, slots=True)
class Window:
    """Every sample of the asked series over the last `seconds`.

    `warnings` is not empty when Prometheus said that the answer may be partial; it must then not be shown as whole.
    """

    series: tuple[Series, ...]
    warnings: tuple[str, ...]
    exchange: Exchange
    source: str

    def named(self, name: str, **labels: str) -> tuple[Series, ...]:
        """The series of this metric whose labels have these values."""
        return tuple(s for s in self.series if s.name == name and all(s.labels.get(k) == v for k, v in labels.items()))


class Prometheus:
    """One region's Prometheus."""

    def __init__(self, *, region: str, http: httpx.AsyncClient, max_bytes: int, deadline_s: float) -> None:
        self.source = f"{region}'s Prometheus"
        self._http = http
        self._max_bytes = max_bytes
        self._deadline_s = deadline_s

    async def window(self, names: Sequence[str], *, seconds: int, matchers: Mapping[str, str] | None = None) -> Window:
        """All samples of these metrics from the last `seconds`, in one query.

        Args:
            names: metric names.
            matchers: labels that must equal these values.

        Raises:
            Fault: as `http.fetch_json`; `Failed` with reason "bad_data" or "execution" when the query is not accepted.
        """
        answer = await self.ask(selector(names, matchers or {}, seconds))
        return _window(self.source, answer.document, answer.exchange)

    async def ask(self, query: str) -> Answer:
        """One instant query, as it is. Raises `Fault` as `window` does."""
        return await fetch_json(
            self._http,
            "POST",
            "/api/v1/query",
            source=self.source,
            max_bytes=self._max_bytes,
            deadline_s=self._deadline_s,
            call=f"POST {str(self._http.base_url).rstrip('/')}/api/v1/query  query={query}",
            data={"query": query},
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def connect(endpoint: HttpEndpoint, *, region: str, network: Network, deadline_s: float | None = None) -> Prometheus:
    """A Prometheus from its settings; `region` is its display name. Raises `Misconfigured` for an unusable CA file."""
    headers = {"X-Scope-OrgID": endpoint.tenant} if endpoint.tenant else None
    http = client(
        base_url=endpoint.url,
        network=network,
        ca_file=endpoint.ca_file,
        token_file=endpoint.token_file,
        headers=headers,
        source=f"{region}'s Prometheus",
    )
    return Prometheus(
        region=region, http=http, max_bytes=network.max_body_mib * 2**20, deadline_s=deadline_s or network.read_timeout_s
    )


def selector(names: Sequence[str], matchers: Mapping[str, str], seconds: int) -> str:
    """The range selector in PromQL. Raises ValueError for a name that Prometheus would not accept."""
    if not names or not all(_NAME.match(n) for n in names) or not all(_LABEL.match(k) for k in matchers) or seconds <= 0:
        raise ValueError("a window needs valid metric and label names and a positive length")
    parts = [f'__name__=~"{"|".join(names)}"']
    parts += [f'{label}="{escape(value)}"' for label, value in matchers.items()]
    return f"{{{','.join(parts)}}}[{seconds}s]"


def escape(value: str) -> str:
    """A label's value within the double quotes of PromQL."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _window(source: str, document: Any, exchange: Exchange) -> Window:
    status = shape.require(source, document, "status", kind=str)
    if status != "success":
        raise shape.malformed(source, ("status",), '"success" in an answer with status 200')
    kind = shape.require(source, document, "data", "resultType", kind=str)
    if kind != "matrix":
        raise shape.malformed(source, ("data", "resultType"), '"matrix"')
    shape.require(source, document, "data", "result", kind=list)
    found = shape.rows(source, document, "data", "result")
    series = [one for index, row in enumerate(found) if (one := _series(source, index, row)) is not None]
    return Window(tuple(series), warnings(source, document), exchange, source)


def warnings(source: str, document: Any) -> tuple[str, ...]:
    """What Prometheus says against its own answer: it may be partial. Raises `Malformed` when that is no list."""
    found = shape.optional(source, document, "warnings", kind=list) or []
    return tuple(cut(w, 300) for w in found if isinstance(w, str))


def _series(source: str, index: int, row: dict[str, Any]) -> Series | None:
    path = ("data", "result", index)
    labels = shape.require(source, row, "metric", kind=dict)
    if not all(isinstance(v, str) for v in labels.values()):
        raise shape.malformed(source, (*path, "metric"), "labels of text")
    values = shape.optional(source, row, "values", kind=list) or []
    points = sorted((_point(source, (*path, "values", n), pair) for n, pair in enumerate(values)), key=lambda p: p.at)
    if not points:
        return None
    rest = {k: v for k, v in labels.items() if k != "__name__"}
    return Series(labels.get("__name__", ""), rest, tuple(points))


def _point(source: str, path: tuple[str | int, ...], pair: Any) -> Point:
    if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[1], str)):
        raise shape.malformed(source, path, "a pair of time and text")
    seconds = pair[0]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise shape.malformed(source, (*path, 0), "a time")
    return Point(shape.moment_of(source, (*path, 0), seconds), number(source, (*path, 1), pair[1]))


def number(source: str, path: tuple[str | int, ...], written: str) -> float:
    """A sample's value as Prometheus writes it, "NaN" and "+Inf" included. Raises `Malformed`."""
    try:
        if len(written) <= 64 and "_" not in written:
            return float(written)
    except ValueError:
        pass
    raise shape.malformed(source, path, "a number")
