"""Alertmanager's v2 API: alerts, groups, status. Reads only.

Seen on 0.25: times have milli- or nanoseconds; `endsAt` of a firing alert is a time in the future or Go's zero time;
`receivers` are objects; a boolean parameter that cannot be read counts as false, so "true" is written out; an alert that a
route sends on (`continue`) is in several groups. Labels and annotations come from whoever may post an alert: they are
cut, freed of control characters and credentials, and never become links.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from openova_console.handbook.alerts import Alert, Route, severity
from openova_console.settings import HttpEndpoint, Network
from openova_console.systems.exchange import Exchange, redact_text, redacted
from openova_console.systems.http import client, fetch_json
from openova_console.systems.shape import instant, malformed, optional, require, rows, text

T = TypeVar("T")
NAME_LIMIT, VALUE_LIMIT, ANNOTATION_LIMIT, ENTRY_LIMIT = 80, 200, 1000, 40
_TEXT_LIMIT = 2000
_IN_THREAD = 200
_HINTS = ("pass", "secret", "token", "auth", "cookie", "credential", "key", "bearer", "basic", "eyj", "last-applied", "@")
# Control characters, and those that turn the direction of writing or cannot be seen.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]+")
_ALL = {"active": "true", "silenced": "true", "inhibited": "true", "unprocessed": "true"}


@dataclass(frozen=True, slots=True)
class Alerts:
    """Every alert that one Alertmanager holds."""

    alerts: tuple[Alert, ...]
    exchange: Exchange


@dataclass(frozen=True, slots=True)
class Status:
    """One Alertmanager. `cluster` counts its peers, itself included; None when it runs alone or still settles."""

    version: str
    cluster: int | None


class Alertmanager:
    """One Alertmanager.

    Args:
        source: the system in words, e.g. "Region 1's Alertmanager".
        deadline_s: seconds for each question.
    """

    def __init__(self, http: httpx.AsyncClient, *, source: str, max_bytes: int, deadline_s: float, severity_label: str) -> None:
        self._http, self.source = http, source
        self._max_bytes, self._deadline_s, self._severity_label = max_bytes, deadline_s, severity_label

    async def alerts(self) -> Alerts:
        """Everything that it holds, silenced and inhibited alerts too.

        Raises:
            Fault: as `http.fetch_json`; `Malformed` with the path when the answer has another shape.
        """
        answer = await self._ask("/api/v2/alerts", _ALL)
        found = await _off_loop(parse_alerts, answer.document, self.source, self._severity_label)
        return Alerts(found, answer.exchange)

    async def groups(self) -> dict[str, list[Route]]:
        """By fingerprint, in which groups each alert is sent. Raises as `alerts`."""
        answer = await self._ask("/api/v2/alerts/groups", {k: v for k, v in _ALL.items() if k != "unprocessed"})
        return await _off_loop(parse_groups, answer.document, self.source)

    async def status(self) -> Status:
        """Version and cluster. Its answer also has the configuration, which is not kept. Raises as `alerts`."""
        document = (await self._ask("/api/v2/status", {})).document
        cluster = text(self.source, document, "cluster", "status")
        peers = rows(self.source, document, "cluster", "peers")
        version = require(self.source, document, "versionInfo", "version", kind=str)
        return Status(cut(version, NAME_LIMIT), len(peers) if cluster == "ready" and peers else None)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _ask(self, path: str, params: dict[str, str]) -> Any:
        return await fetch_json(
            self._http,
            "GET",
            path,
            params=params,
            source=self.source,
            max_bytes=self._max_bytes,
            deadline_s=self._deadline_s,
        )


def connect(
    endpoint: HttpEndpoint, *, source: str, network: Network, severity_label: str, deadline_s: float | None = None
) -> Alertmanager:
    """One Alertmanager from the settings. Raises `Misconfigured` when the CA file cannot be used."""
    http = client(base_url=endpoint.url, network=network, ca_file=endpoint.ca_file, token_file=endpoint.token_file, source=source)
    deadline = deadline_s or network.read_timeout_s
    return Alertmanager(
        http, source=source, max_bytes=network.max_body_mib * 2**20, deadline_s=deadline, severity_label=severity_label
    )


async def _off_loop(parse: Callable[..., T], document: Any, *rest: str) -> T:
    """Parse many in a thread, so that the event loop goes on meanwhile."""
    if isinstance(document, list) and len(document) > _IN_THREAD:
        return await asyncio.to_thread(parse, document, *rest)
    return parse(document, *rest)


def cut(value: str, limit: int) -> str:
    """A stranger's text on one line, without what cannot be seen, at most `limit` characters long."""
    if len(value) <= limit and value.isprintable():
        return value.strip()
    if len(value) > 4 * limit:
        value = value[: 4 * limit]
    value = _UNPRINTABLE.sub(" ", value).strip()
    return value if len(value) <= limit else value[: limit - 1].rstrip() + "…"


def parse_alerts(document: Any, source: str, severity_label: str) -> tuple[Alert, ...]:
    """The alerts in an answer to `GET /api/v2/alerts`. Raises `Malformed` with the path."""
    if not isinstance(document, list):
        raise malformed(source, (), "a list")
    found = rows(source, {"alerts": document}, "alerts")
    return tuple(_alert(source, row, severity_label) for row in found)


def _alert(source: str, row: dict[str, Any], severity_label: str) -> Alert:
    labels = _texts(source, row, "labels", VALUE_LIMIT)
    annotations = _texts(source, row, "annotations", ANNOTATION_LIMIT)
    state = require(source, row, "status", "state", kind=str)
    receivers = tuple(cut(text(source, r, "name"), NAME_LIMIT) for r in rows(source, row, "receivers")[:ENTRY_LIMIT])
    found = dict(labels)
    written = found.get(severity_label, "")
    name = found.get("alertname", "") or "An alert without a name"
    said = dict(annotations)
    summary = said.get("summary") or said.get("description") or said.get("message") or ""
    everything = " ".join((name, *(v for _, v in labels), *(v for _, v in annotations), *receivers))
    return Alert(
        fingerprint=cut(require(source, row, "fingerprint", kind=str), NAME_LIMIT),
        name=name,
        namespace=found.get("namespace", ""),
        severity=severity(written),
        severity_text=written,
        suppressed=state == "suppressed",
        since=instant(source, row, "startsAt"),
        updated_at=instant(source, row, "updatedAt"),
        labels=labels,
        annotations=annotations,
        receivers=receivers,
        silenced_by=_ids(source, row, "silencedBy"),
        inhibited_by=_ids(source, row, "inhibitedBy"),
        generator=_address(text(source, row, "generatorURL")),
        summary=cut(summary, VALUE_LIMIT),
        text=everything[:_TEXT_LIMIT].lower(),
    )


def _address(written: str) -> str:
    written = written[: 4 * VALUE_LIMIT]
    return cut(redact_text(written) if _suspect(written) else written, VALUE_LIMIT)


def _ids(source: str, row: dict[str, Any], key: str) -> tuple[str, ...]:
    found = optional(source, row, "status", key, kind=list) or []
    return tuple(cut(str(one), NAME_LIMIT) for one in found[:ENTRY_LIMIT] if isinstance(one, str))


def _texts(source: str, row: dict[str, Any], key: str, limit: int) -> tuple[tuple[str, str], ...]:
    found = optional(source, row, key, kind=dict) or {}
    for name, value in found.items():
        if not isinstance(value, str):
            raise malformed(source, (key, name), "text")
    few = dict(sorted(found.items())[:ENTRY_LIMIT])
    if len(few) < len(found):
        # Whatever else is cut: these say what it is.
        few |= {k: found[k] for k in ("alertname", "severity", "namespace", "summary") if k in found}
    shortened = {cut(name, NAME_LIMIT): value[: 4 * limit] for name, value in few.items()}
    if _suspect(" ".join((*shortened, *shortened.values()))):
        shortened = redacted(shortened)
    return tuple((name, cut(value, limit)) for name, value in shortened.items())


def _suspect(said: str) -> bool:
    """Whether a text can hold what redaction replaces: most hold none of these words, and are spared its patterns."""
    said = said.lower()
    return any(hint in said for hint in _HINTS)


def parse_groups(document: Any, source: str) -> dict[str, list[Route]]:
    """By fingerprint the groups in an answer to `GET /api/v2/alerts/groups`. Raises `Malformed` with the path."""
    if not isinstance(document, list):
        raise malformed(source, (), "a list")
    routes: dict[str, list[Route]] = {}
    for group in rows(source, {"groups": document}, "groups"):
        receiver = cut(text(source, group, "receiver", "name"), NAME_LIMIT)
        route: Route = (receiver, _texts(source, group, "labels", VALUE_LIMIT))
        for alert in rows(source, group, "alerts"):
            routes.setdefault(cut(require(source, alert, "fingerprint", kind=str), NAME_LIMIT), []).append(route)
    return routes
