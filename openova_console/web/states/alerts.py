"""The alerts as this browser looks at them: filters and page in the address, one alert in the drawer."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from openova_console.access.needs import needs
from openova_console.access.roles import Role
from openova_console.handbook.alerts import ORDER, Alert, Severity
from openova_console.watch.alert_history import HOURS, SHOWN, Hour, heat
from openova_console.watch.alert_search import PAGE, STATES, Query, parse, search
from openova_console.web import services as console
from openova_console.web.present import iso, utc
from openova_console.web.rows import Choice, Fact
from openova_console.web.topics.alerts import LOOK

_LONGEST = 200
_STATE_WORDS = {"firing": "Firing", "suppressed": "Silenced or inhibited", "all": "All"}


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One alert of the list; `key` is "region/fingerprint", as its button carries it."""

    key: str
    verdict: str
    word: str
    name: str
    where: str
    region: str
    summary: str
    since: str
    state: str


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One hour: how strongly it is drawn (0–4, "gap" when not known), and in words."""

    level: str
    text: str


@dataclass(frozen=True, slots=True)
class HeatRow:
    label: str
    look: str
    cells: list[HeatCell] = field(default_factory=list)


class AlertView(rx.State):
    """The list comes from the address: /alerts?severity=critical&region=region-1&state=firing&q=words&page=2."""

    words: str = ""
    severities: list[Choice] = []
    regions: list[Choice] = []
    states: list[Choice] = []
    rows: list[AlertLine] = []
    total: str = ""
    previous: str = ""
    following: str = ""
    stamp: str = ""
    note: str = ""
    heat: list[HeatRow] = []
    heat_note: str = ""
    _asked: dict[str, str] = {}

    @rx.event(supersedes=True)
    @needs(Role.VIEWER)
    async def arrive(self) -> None:
        """Read the filters from the address and list that page; what cannot be read is said, and nothing is listed."""
        self.reset()
        running = console.services()
        displays = {r.id: r.display for r in running.settings.regions}
        query, self.note = parse(self.router.url.query_parameters, tuple(displays))
        snapshot = running.watch.snapshots.current
        evidence = {id_: snapshot.alerts[id_] for id_ in displays if id_ in snapshot.alerts}
        found = await asyncio.to_thread(search, evidence, query)
        self.words, self._asked = query.words, _parameters(query)
        self.stamp = ".".join(evidence[id_].stamp if id_ in evidence else "" for id_ in displays)
        self.severities = [
            Choice("Every severity", str(sum(found.by_severity.values())), _href(query, severity=None), query.severity is None),
            *(Choice(LOOK[s][1], str(found.by_severity.get(s, 0)), _href(query, severity=s), query.severity is s) for s in ORDER),
        ]
        self.regions = [Choice("Both regions", "", _href(query, region=""), not query.region)] + [
            Choice(display, "", _href(query, region=id_), query.region == id_) for id_, display in displays.items()
        ]
        self.states = [Choice(_STATE_WORDS[s], "", _href(query, state=s), query.state == s) for s in STATES]
        if not self.note:
            self.rows = [_line(id_, displays[id_], alert) for id_, alert in found.alerts]
            first = (found.page - 1) * PAGE
            many = f"{first + 1} to {first + len(found.alerts)} of {found.total}"
            self.total = many if found.alerts else "No alert matches in what was read."
            self.previous = _href(query, page=found.page - 1) if found.page > 1 else ""
            self.following = _href(query, page=found.page + 1) if found.page < found.pages else ""
        hours = await heat(running.watch.history.charts, tuple(displays), console.now())
        self.heat = [
            HeatRow(f"{displays[region]} · {LOOK[severity][1].lower()}", LOOK[severity][0], [_cell(hour) for hour in steps])
            for (region, severity), steps in hours.items()
            if severity in SHOWN[:2] or any(hour.most for hour in steps)
        ]
        known = sum(any(steps[n].most is not None for steps in hours.values()) for n in range(HOURS)) if hours else 0
        self.heat_note = (
            "" if known == HOURS else f"{HOURS - known} of {HOURS} hours are grey: the console did not read alerts then."
        )

    @rx.event
    @needs(Role.VIEWER)
    async def search(self, form: dict[str, Any]) -> Any:
        """Look for words: the address takes them, and the page follows the address."""
        words = form.get("q", "") if isinstance(form, dict) else None
        if not isinstance(words, str) or len(words) > _LONGEST:
            self.note = "What to look for is too long: at most 200 characters."
            return None
        asked = {name: value for name, value in self._asked.items() if name not in ("q", "page")}
        words = " ".join(words.split())
        return rx.redirect(_address(asked | ({"q": words} if words else {})))


class AlertDrawer(rx.State):
    """One alert in full. Whatever is in it was written by others: shown as text, never as a link."""

    key: str = ""
    title: str = ""
    place: str = ""
    note: str = ""
    facts: list[Fact] = []
    since: str = ""
    updated: str = ""
    labels: list[Fact] = []
    annotations: list[Fact] = []

    @rx.event(supersedes=True)
    @needs(Role.VIEWER)
    async def show(self, key: str) -> None:
        """Load one alert by "region/fingerprint"; one that no longer fires is said to be gone."""
        self.reset()
        self.key = key if isinstance(key, str) else ""
        region, _, fingerprint = key.partition("/") if isinstance(key, str) and len(key) <= _LONGEST else ("", "", "")
        running = console.services()
        displays = {r.id: r.display for r in running.settings.regions}
        said = running.watch.snapshots.current.alerts.get(region)
        alert = next((a for a in said.alerts if a.fingerprint == fingerprint), None) if said else None
        if alert is None or region not in displays:
            self.title = "Alert"
            self.note = "This alert is gone: it was resolved, or its region no longer says that it fires."
            return
        self.title, self.place = alert.name, " · ".join(part for part in (displays[region], alert.namespace) if part)
        self.since, self.updated = iso(alert.since), iso(alert.updated_at)
        self.facts = _facts(alert)
        self.labels = [Fact(name, value) for name, value in alert.labels]
        self.annotations = [Fact(name, value) for name, value in alert.annotations]


def _facts(alert: Alert) -> list[Fact]:
    severity = LOOK[alert.severity][1] + (f" ({alert.severity_text})" if alert.severity is Severity.OTHER else "")
    found = [
        Fact("Severity", severity if alert.severity_text else "Other (it names none)"),
        Fact("State", _state(alert) or "firing"),
        Fact("Since", utc(alert.since) or "not said"),
        Fact("Receivers", ", ".join(alert.receivers) or "none"),
    ]
    if alert.silenced_by:
        found.append(Fact("Silenced by", ", ".join(alert.silenced_by), "ids of silences"))
    if alert.inhibited_by:
        found.append(Fact("Inhibited by", ", ".join(alert.inhibited_by), "fingerprints of alerts"))
    if alert.generator:
        found.append(Fact("Where it comes from", alert.generator))
    return [*found, Fact("Fingerprint", alert.fingerprint)]


def _state(alert: Alert) -> str:
    if not alert.suppressed:
        return ""
    return "silenced" if alert.silenced_by else "inhibited" if alert.inhibited_by else "suppressed"


def _line(region: str, display: str, alert: Alert) -> AlertLine:
    verdict, word = LOOK[alert.severity]
    target = next((v for k, v in alert.labels if k in ("pod", "deployment", "service", "app", "certificate", "job_name")), "")
    return AlertLine(
        f"{region}/{alert.fingerprint}",
        verdict,
        word,
        alert.name,
        " · ".join(part for part in (alert.namespace, target) if part),
        display,
        alert.summary,
        iso(alert.since),
        _state(alert),
    )


def _cell(hour: Hour) -> HeatCell:
    at = f"{hour.at:%H:00}"
    if hour.most is None:
        return HeatCell("gap", f"{at} UTC: not known")
    level = sum(hour.most >= limit for limit in (1, 5, 25, 100))
    return HeatCell(str(level), f"{at} UTC: at most {hour.most}")


def _parameters(query: Query, **changes: Any) -> dict[str, str]:
    """A query as the address has it, without what is the default."""
    severity = changes.get("severity", query.severity)
    region, state = changes.get("region", query.region), changes.get("state", query.state)
    page = changes.get("page", 1)
    found = {
        "severity": severity.value if severity else "",
        "region": region,
        "state": "" if state == STATES[0] else state,
        "q": query.words,
        "page": str(page) if page > 1 else "",
    }
    return {name: value for name, value in found.items() if value}


def _href(query: Query, **changes: Any) -> str:
    """The address after one change; whatever else changes, the list begins at its first page."""
    return _address(_parameters(query, **changes))


def _address(parameters: dict[str, str]) -> str:
    return "/alerts" + (f"?{urlencode(parameters)}" if parameters else "")
