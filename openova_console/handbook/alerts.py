"""Which alerts fire, and does alerting itself still work?

Handbook, "Alertmanager Configuration": routed by severity, grouped by alertname and namespace. Every peer of a region's
Alertmanager is asked and the answers are merged by fingerprint; a silent peer makes the set partial. "No alerts" is only
said when every peer answered and the Watchdog, an alert that always fires, has arrived: without it nothing else would
arrive either. Silenced and inhibited alerts are counted apart, and a severity that the handbook does not know is never
hidden.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from operator import attrgetter

from openova_console.handbook.speech import listing, span
from openova_console.handbook.words import CLOCK_SLACK_S, Judgement, Verdict, worst, young


class Severity(StrEnum):
    """How bad an alert says it is; worst first. `OTHER` is a word that is none of these, and no severity at all."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"
    OTHER = "other"
    NONE = "none"


ORDER = tuple(Severity)
_WORDS = {s: s.value for s in ORDER} | {Severity.OTHER: "unknown-severity", Severity.NONE: "no-severity"}
_KNOWN = {s.value: s for s in ORDER}


def severity(label: str) -> Severity:
    """The severity that a label's value means."""
    return _KNOWN.get(label.strip().lower(), Severity.OTHER)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of one region, its texts cut to what may be shown.

    Attributes:
        fingerprint: Alertmanager's hash of the labels.
        severity: bucket; `severity_text` is the label as written, empty when there is none.
        suppressed: silenced or inhibited.
        since: start of the firing; None when the alert gives none.
        updated_at: when Alertmanager last heard of it.
        text: everything that a search looks at, in lower case.
    """

    fingerprint: str
    name: str
    namespace: str
    severity: Severity
    severity_text: str
    suppressed: bool
    since: datetime | None
    updated_at: datetime | None
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    receivers: tuple[str, ...] = ()
    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    generator: str = ""
    summary: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Peer:
    """One Alertmanager of a region.

    Attributes:
        name: how a person tells it from the others; empty when it is the only one.
        error: why it gave no answer; empty when it did.
        watchdog_at: when it last heard of the Watchdog; None when it does not have it.
        cluster: how many peers its own cluster has, itself included; None when it runs alone or does not say.
    """

    name: str
    error: str = ""
    alerts: int = 0
    watchdog_at: datetime | None = None
    cluster: int | None = None
    version: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Alerts that are sent together; the counts are of those not suppressed, unless it says so.

    Attributes:
        labels: what they have in common by the route's `group_by`.
        severity: the worst of the firing ones, of the suppressed ones when none fires.
        newest: start of the alert that fired last; `oldest` of the one that fired first.
    """

    receiver: str
    labels: tuple[tuple[str, str], ...]
    severity: Severity
    firing: int
    suppressed: int
    newest: datetime | None
    oldest: datetime | None
    summary: str = ""

    @property
    def name(self) -> str:
        """The group in words."""
        found = dict(self.labels)
        name = found.pop("alertname", "")
        rest = ", ".join(value for value in found.values() if value)
        return f"{name} in {rest}" if name and rest else name or rest or "Alerts without a group"


@dataclass(frozen=True, slots=True)
class AlertEvidence:
    """What one region's Alertmanagers say.

    Attributes:
        alerts: merged by fingerprint, worst severity first, newest first; without the Watchdog.
        observed_at: when the first of the answers that were merged was whole; None when none ever was.
        firing, suppressed: how many, by severity.
        groups: firing ones first, by severity, newest first.
        stamp: changes whenever the set of alerts or one's state changes.
    """

    peers: tuple[Peer, ...]
    observed_at: datetime | None
    alerts: tuple[Alert, ...] = ()
    firing: Mapping[Severity, int] = field(default_factory=dict)
    suppressed: Mapping[Severity, int] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    stamp: str = ""


Route = tuple[str, tuple[tuple[str, str], ...]]
"""Receiver and group labels."""


def merge(answers: Sequence[Sequence[Alert]]) -> list[Alert]:
    """The alerts of several peers by fingerprint: of each the one heard of last.

    Suppressed only where every peer that has it says so: one that would send it counts.
    """
    found: dict[str, Alert] = {}
    every = [alert for answer in answers for alert in answer]
    for alert in every:
        old = found.get(alert.fingerprint)
        if old is None or _later(alert, old):
            found[alert.fingerprint] = alert
    for alert in every:
        if not alert.suppressed and found[alert.fingerprint].suppressed:
            found[alert.fingerprint] = alert
    return list(found.values())


def _later(new: Alert, old: Alert) -> bool:
    if new.updated_at is None or old.updated_at is None:
        return old.updated_at is None and new.updated_at is not None
    return new.updated_at > old.updated_at


def gather(
    peers: Sequence[Peer],
    answers: Sequence[Sequence[Alert]],
    observed_at: datetime,
    *,
    routes: Mapping[str, Sequence[Route]],
    group_by: Sequence[str],
    watchdog: str,
) -> AlertEvidence:
    """Merge, sort, count and group. Costs about 10 µs an alert: for thousands call it in a thread.

    Args:
        routes: by fingerprint the groups in which Alertmanager sends the alert; `group_by` is used for those without.
        watchdog: name of the alert that always fires; it is left out of lists and counts.
    """
    alerts = [alert for alert in merge(answers) if not watchdog or alert.name != watchdog]
    alerts.sort(key=lambda a: a.since.timestamp() if a.since else float("inf"), reverse=True)
    alerts.sort(key=lambda a: (a.suppressed, ORDER.index(a.severity)))
    return AlertEvidence(
        peers=tuple(peers),
        observed_at=observed_at,
        alerts=tuple(alerts),
        firing=Counter(a.severity for a in alerts if not a.suppressed),
        suppressed=Counter(a.severity for a in alerts if a.suppressed),
        groups=_groups(alerts, routes, group_by),
        stamp=f"{hash(frozenset((a.fingerprint, a.suppressed, a.since) for a in alerts)):x}",
    )


def _groups(alerts: Sequence[Alert], routes: Mapping[str, Sequence[Route]], group_by: Sequence[str]) -> tuple[Group, ...]:
    members: dict[Route, list[Alert]] = {}
    for alert in alerts:
        for route in routes.get(alert.fingerprint) or (_fallback(alert, group_by),):
            members.setdefault(route, []).append(alert)
    groups = [_group(route, found) for route, found in members.items()]
    groups.sort(key=lambda g: g.newest.timestamp() if g.newest else float("inf"), reverse=True)
    groups.sort(key=lambda g: (not g.firing, ORDER.index(g.severity)))
    return tuple(groups)


def _fallback(alert: Alert, group_by: Sequence[str]) -> Route:
    labels = dict(alert.labels)
    return listing(list(alert.receivers)), tuple((name, labels[name]) for name in group_by if name in labels)


def _group(route: Route, alerts: Sequence[Alert]) -> Group:
    firing = [a for a in alerts if not a.suppressed]
    shown = firing or alerts
    starts = [a.since for a in shown if a.since]
    return Group(
        receiver=route[0],
        labels=route[1],
        severity=min((a.severity for a in shown), key=ORDER.index),
        firing=len(firing),
        suppressed=len(alerts) - len(firing),
        newest=max(starts, default=None),
        oldest=min(starts, default=None),
        summary=next(filter(None, map(attrgetter("summary"), shown)), ""),
    )


@dataclass(frozen=True, slots=True)
class RegionAlerts:
    """What may be said of one region: its alerts, and whether its alerting lives. `judgement` is the worse of the two."""

    judgement: Judgement
    alerts: Judgement
    alerting: Judgement


def judge_alerts(
    region: str, evidence: AlertEvidence | None, *, now: datetime, budget_s: float, watchdog: str, watchdog_s: float
) -> RegionAlerts:
    """Grade one region's alerts.

    Args:
        region: display name.
        budget_s: greatest age of the answers, in seconds.
        watchdog: name of the alert that always fires; empty when the platform has none.
        watchdog_s: greatest age of its last arrival, in seconds.

    Returns:
        Never `OK` unless every peer answered in time and the Watchdog is fresh.
    """
    if evidence is None or evidence.observed_at is None:
        why = _why(evidence) or "nothing was read yet"
        return _same(Judgement.unknown(f"{region}'s alerts are not known: {why}"))
    if all(peer.error for peer in evidence.peers):
        age = span(max(0.0, (now - evidence.observed_at).total_seconds()))
        return _same(Judgement.unknown(f"{region}'s alerts are not known: {_why(evidence)}; those shown were read {age} ago"))
    age_s = (now - evidence.observed_at).total_seconds()
    if not young(age_s, budget_s):
        why = f"they were read {span(age_s)} ago" if age_s > 0 else "they are dated in the future: a clock is wrong"
        return _same(Judgement.unknown(f"{region}'s alerts are not known: {why}"))
    alerting = _alerting(region, evidence, now, watchdog, watchdog_s)
    alerts = _firing(region, evidence)
    verdict = worst((alerting.verdict, alerts.verdict))
    lead, rest = (alerting, alerts) if alerting.verdict is verdict else (alerts, alerting)
    if alerting.verdict is alerts.verdict is Verdict.OK:
        lead, rest = alerts, alerting
    sentence = lead.sentence if rest.verdict is Verdict.OK else f"{lead.sentence}. {rest.sentence}"
    return RegionAlerts(Judgement(verdict, sentence), alerts, alerting)


def _same(judgement: Judgement) -> RegionAlerts:
    return RegionAlerts(judgement, judgement, judgement)


def _why(evidence: AlertEvidence | None) -> str:
    return next((peer.error for peer in evidence.peers if peer.error), "") if evidence else ""


def _alerting(region: str, evidence: AlertEvidence, now: datetime, watchdog: str, watchdog_s: float) -> Judgement:
    """The dead man's switch: is the alert that always fires there, and did it arrive lately?"""
    silent = [peer for peer in evidence.peers if peer.error]
    if not watchdog:
        sentence = f"{region} has no alert that always fires: whether its alerting works is not known"
        return Judgement.warn(sentence)
    heard = {peer.name: peer.watchdog_at for peer in evidence.peers if not peer.error}
    ages = {name: (now - at).total_seconds() for name, at in heard.items() if at is not None}
    if any(age_s < -CLOCK_SLACK_S for age_s in ages.values()):
        return Judgement.unknown(f"{region}'s {watchdog} is dated in the future: a clock is wrong")
    fresh = [name for name, age_s in ages.items() if age_s <= watchdog_s]
    if silent and not fresh:
        return Judgement.unknown(f"Whether {region}'s alerting works is not known: {silent[0].error}")
    if not ages:
        return Judgement.breach(f"{region}'s alerting is silent: its {watchdog} does not fire, so no other alert would arrive")
    if not fresh:
        age = span(min(ages.values()))
        return Judgement.breach(f"{region}'s alerting is silent: its {watchdog} last arrived {age} ago")
    deaf = [name for name in heard if name not in fresh]
    if deaf:
        return Judgement.warn(f"{region}'s {listing(deaf)} does not get the {watchdog}: Prometheus does not reach it")
    return Judgement.ok(f"{region}'s {watchdog} arrives")


def _firing(region: str, evidence: AlertEvidence) -> Judgement:
    counts = [(s, evidence.firing.get(s, 0)) for s in ORDER]
    said = listing([f"{n} {_WORDS[s]}" for s, n in counts if n])
    verb = "alert fires" if sum(n for _, n in counts) == 1 else "alerts fire"
    apart = sum(evidence.suppressed.values())
    more = f" ({apart} silenced or inhibited)" if apart else ""
    sentence = f"{region}: {said} {verb}{more}" if said else f"{region}: no alert fires{more}"
    silent = [peer for peer in evidence.peers if peer.error]
    if silent:
        sentence += f"; there may be more, {silent[0].error}"
    if evidence.firing.get(Severity.CRITICAL):
        return Judgement.breach(sentence)
    if silent:
        return Judgement.unknown(sentence)
    clusters = [peer.cluster for peer in evidence.peers if peer.cluster is not None]
    if clusters and max(clusters) > len(evidence.peers):
        unread = max(clusters) - len(evidence.peers)
        return Judgement.warn(f"{sentence}; {unread} of the {max(clusters)} Alertmanagers in its cluster are not read")
    if evidence.firing.get(Severity.WARNING) or evidence.firing.get(Severity.OTHER):
        return Judgement.warn(sentence)
    return Judgement.ok(sentence)
