"""Alerts of both regions by severity, newest first. A region's alerts are never merged with the other's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.alerts import ORDER, AlertEvidence, Group, Peer, RegionAlerts, Severity, judge_alerts
from openova_console.handbook.speech import listing, span
from openova_console.handbook.words import Judgement, Verdict, worst
from openova_console.settings import Region, Settings
from openova_console.watch.board.rows import Alarm, RegionRow
from openova_console.watch.snapshot import Snapshot

NEWEST = 6
"""So many groups are on the overview."""
_ORDER = (Verdict.BREACH, Verdict.UNKNOWN, Verdict.WARN, Verdict.OK)


@dataclass(frozen=True, slots=True)
class AlertRegionRow:
    """One region: what its Alertmanagers said, and what to make of it. `measured` is False when none is configured."""

    region: Region
    measured: bool
    said: RegionAlerts
    firing: Mapping[Severity, int]
    suppressed: int
    observed_at: datetime | None
    peers: tuple[Peer, ...] = ()
    trace: str = ""
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group of one region."""

    region: Region
    group: Group


@dataclass(frozen=True, slots=True)
class AlertsBoard:
    """Alerts of both regions by severity, newest first.

    Attributes:
        judgement: the whole in one sentence.
        alarms: what belongs in the strip on top of every page.
        traces: keys of the exchanges behind it.
        newest: groups that fire, worst severity first, newest first, of both regions; `groups` is how many there are.
    """

    judgement: Judgement
    alarms: tuple[Alarm, ...] = ()
    traces: tuple[str, ...] = ()
    rows: tuple[AlertRegionRow, ...] = ()
    newest: tuple[GroupRow, ...] = ()
    groups: int = 0


def alerts_board(snapshot: Snapshot, settings: Settings, regions: Sequence[RegionRow], now: datetime) -> AlertsBoard:
    """Judge at `now`."""
    rows = tuple(_row(region, snapshot.alerts.get(region.id), settings, now) for region in settings.regions)
    measured = [row for row in rows if row.measured]
    if not measured:
        return AlertsBoard(Judgement.unknown("No Alertmanager is configured (regions[].alertmanagers)"), rows=rows)
    groups = [GroupRow(r.region, g) for r in measured for g in _evidence(snapshot, r).groups[: NEWEST * 4] if g.firing]
    groups.sort(key=lambda row: row.group.newest.timestamp() if row.group.newest else float("inf"), reverse=True)
    groups.sort(key=lambda row: ORDER.index(row.group.severity))
    return AlertsBoard(
        judgement=_whole(rows),
        alarms=tuple(alarm for row in measured for alarm in _alarms(row, _evidence(snapshot, row), regions, now)),
        traces=tuple(row.trace for row in measured),
        rows=rows,
        newest=tuple(groups[:NEWEST]),
        groups=sum(1 for row in measured for group in _evidence(snapshot, row).groups if group.firing),
    )


def _evidence(snapshot: Snapshot, row: AlertRegionRow) -> AlertEvidence:
    return snapshot.alerts.get(row.region.id) or AlertEvidence((), None)


def _row(region: Region, evidence: AlertEvidence | None, settings: Settings, now: datetime) -> AlertRegionRow:
    if not region.alertmanagers:
        sentence = f"{region.display}'s alerts are not known: no Alertmanager is configured for it"
        unknown = Judgement.unknown(sentence)
        return AlertRegionRow(region, False, RegionAlerts(unknown, unknown, unknown), {}, 0, None)
    rules = settings.alerts
    said = judge_alerts(
        region.display,
        evidence,
        now=now,
        budget_s=settings.freshness.alerts_s,
        watchdog=rules.watchdog,
        watchdog_s=rules.watchdog_s,
    )
    found = evidence or AlertEvidence((), None)
    return AlertRegionRow(
        region,
        True,
        said,
        found.firing,
        sum(found.suppressed.values()),
        found.observed_at,
        found.peers,
        f"alerts/{region.id}",
        found.stamp,
    )


def _whole(rows: Sequence[AlertRegionRow]) -> Judgement:
    """Both regions in one sentence, the worse one first."""
    verdict = worst(row.said.judgement.verdict for row in rows)
    if verdict is Verdict.OK:
        apart = sum(row.suppressed for row in rows)
        infos = sum(row.firing.get(Severity.INFO, 0) for row in rows)
        more = [f"{infos} for information" if infos else "", f"{apart} silenced or inhibited" if apart else ""]
        said = listing([part for part in more if part])
        return Judgement.ok(f"No alert needs a look{f': {said}' if said else ''}, and every Watchdog arrives")
    order = sorted(rows, key=lambda row: _ORDER.index(row.said.judgement.verdict))
    return Judgement(verdict, ". ".join(r.said.judgement.sentence for r in order if r.said.judgement.verdict is not Verdict.OK))


def _alarms(row: AlertRegionRow, evidence: AlertEvidence, regions: Sequence[RegionRow], now: datetime) -> list[Alarm]:
    """Critical alerts or else warnings, silent alerting, and what is not known: one line each.

    Of a region that does not answer at all, the region's own line says so.
    """
    name, said = row.region.display, row.said
    if said.alerts.verdict is said.alerting.verdict is Verdict.UNKNOWN:
        gone = any(r.region.id == row.region.id and r.facts and r.facts.evidence.api.value is False for r in regions)
        return [] if gone else [Alarm(Verdict.UNKNOWN, f"Alerts of {name}", said.alerts.sentence)]
    found: list[Alarm] = []
    if said.alerting.verdict is Verdict.BREACH:
        found.append(Alarm(Verdict.BREACH, f"{name}'s alerting is silent", said.alerting.sentence))
    elif said.alerting.verdict is not Verdict.OK:
        found.append(Alarm(said.alerting.verdict, f"Alerting of {name}", said.alerting.sentence))
    if said.alerts.verdict is Verdict.BREACH:
        count = row.firing.get(Severity.CRITICAL, 0)
        title = f"{count} critical alert{'s' if count != 1 else ''} in {name}"
        found.append(Alarm(Verdict.BREACH, title, _named(evidence, (Severity.CRITICAL,), now)))
    elif said.alerts.verdict is Verdict.WARN:
        count = row.firing.get(Severity.WARNING, 0) + row.firing.get(Severity.OTHER, 0)
        title = f"{count} warning{'s' if count != 1 else ''} in {name}"
        found.append(Alarm(Verdict.WARN, title, _named(evidence, (Severity.WARNING, Severity.OTHER), now)))
    elif said.alerts.verdict is Verdict.UNKNOWN:
        found.append(Alarm(Verdict.UNKNOWN, f"Alerts of {name}", said.alerts.sentence))
    return found


def _named(evidence: AlertEvidence, severities: Sequence[Severity], now: datetime) -> str:
    """The groups of these severities by name, newest first, the first with its age and summary."""
    groups = [group for group in evidence.groups if group.firing and group.severity in severities]
    if not groups:
        return "The Alerts page names them"
    first = groups[0]
    since = f" for {span(max(0.0, (now - first.oldest).total_seconds()))}" if first.oldest else ""
    summary = f": {first.summary.rstrip('.')}" if first.summary else ""
    rest = listing([group.name for group in groups[1:3]]) + (f" and {len(groups) - 3} more" if len(groups) > 3 else "")
    return f"{first.name}{since}{summary}" + (f". Also {rest}" if rest else "")
