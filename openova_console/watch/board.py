"""The board: what the overview says at one instant, judged from the snapshot with the handbook's rules.

Pure: the same snapshot, settings and instant give the same board. Everything that a page shows about the platform's
state is decided here or in the handbook, never in a page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.lease import judge_lease
from openova_console.handbook.link import LinkLimits, judge_link
from openova_console.handbook.postgres import judge_postgres
from openova_console.handbook.regions import Activity, Item, RegionAssessment, Role, judge_activity, judge_region
from openova_console.handbook.replication import PROMISES, Assessment, Objective, Promise, Service
from openova_console.handbook.speech import span
from openova_console.handbook.valkey import judge_valkey
from openova_console.handbook.witnesses import Finding, Outcome, Quorum, Vote, count
from openova_console.handbook.words import Judgement, Reading, Verdict, worst, young
from openova_console.settings import Budget, Region, Settings
from openova_console.watch.snapshot import LinkFacts, RegionFacts, Snapshot, WitnessFacts

_CAME_BACK = frozenset({Outcome.ANSWER, Outcome.NXDOMAIN, Outcome.EMPTY, Outcome.SERVFAIL, Outcome.REFUSED})
"""Outcomes that only a witness that was reached can give."""


@dataclass(frozen=True, slots=True)
class RegionRow:
    """One region's tile: configuration, facts (None before the first read), assessment (None before that too)."""

    region: Region
    facts: RegionFacts | None
    assessment: RegionAssessment | None
    controller: Item
    verdict: Verdict
    headline: str
    observed_at: datetime | None
    active: bool | None


@dataclass(frozen=True, slots=True)
class LinkRow:
    """The link as seen from one region."""

    seen_from: Region
    facts: LinkFacts | None
    judgement: Judgement
    observed_at: datetime | None


@dataclass(frozen=True, slots=True)
class WitnessRow:
    """The witnesses about one region."""

    region: Region
    quorum: Quorum
    votes: tuple[WitnessFacts, ...]
    observed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReplicationRow:
    """One replicated service. `measured` is False while the console does not read this service."""

    promise: Promise
    objective: Objective
    assessment: Assessment
    direction: str
    measured: bool
    traces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Alarm:
    """A line of the strip on top of the page."""

    verdict: Verdict
    title: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Board:
    """Everything that the overview says at `at`. `source` is the region whose writes the replication rows are about."""

    at: datetime
    source: Region
    regions: tuple[RegionRow, ...]
    activity: Activity
    links: tuple[LinkRow, ...]
    witnesses: tuple[WitnessRow, ...]
    replication: tuple[ReplicationRow, ...]
    alarms: tuple[Alarm, ...]

    @property
    def worst_replication(self) -> ReplicationRow | None:
        """The measured service that stands worst; None when none is measured."""
        measured = [row for row in self.replication if row.measured]
        if not measured:
            return None
        bad = worst(row.assessment.judgement.verdict for row in measured)
        return next(row for row in measured if row.assessment.judgement.verdict is bad)


def judge(snapshot: Snapshot, settings: Settings, now: datetime) -> Board:
    """Draw every verdict of the overview at `now` (UTC)."""
    regions = tuple(_region(r, snapshot, settings, now) for r in settings.regions)
    activity = judge_activity(
        [(row.region.display, Role(row.region.role), _active(row.facts)) for row in regions],
        now=now,
        budget_s=settings.freshness.kubernetes_s,
    )
    links = tuple(_link(r, snapshot, settings, now) for r in settings.regions) if len(settings.regions) > 1 else ()
    witnesses = tuple(
        _witnesses(r, snapshot, settings, now) for r in settings.regions if r.probe_zone or len(settings.regions) > 1
    )
    source = _source(settings, regions)
    replication = _replication(snapshot, settings, source, now)
    alarms = _alarms(regions, activity, links, witnesses, replication, settings)
    return Board(now, source, regions, activity, links, witnesses, replication, alarms)


def _source(settings: Settings, regions: Sequence[RegionRow]) -> Region:
    """The region whose writes are replicated: the one that is active when each region's role is known, else the intended."""
    intended = next((r for r in settings.regions if r.role == "primary"), settings.regions[0])
    if sorted(str(row.active) for row in regions) != ["False", "True"]:
        return intended
    return next(row.region for row in regions if row.active)


def objective(settings: Settings, service: Service) -> Objective:
    """The configured objective of a service."""
    budget = settings.replication.cnpg.budget if service is Service.CNPG else getattr(settings.replication, service.value)
    if not isinstance(budget, Budget):
        raise TypeError(f"no budget for {service}")
    return Objective(service, budget.warn_s, budget.breach_s)


def _active(facts: RegionFacts | None) -> Reading[bool]:
    return facts.evidence.active if facts else Reading.missing("bool", "", "nothing was read yet")


def _region(region: Region, snapshot: Snapshot, settings: Settings, now: datetime) -> RegionRow:
    facts = snapshot.regions.get(region.id)
    if facts is None:
        unread = Item(Verdict.UNKNOWN, "unknown")
        return RegionRow(region, None, None, unread, Verdict.UNKNOWN, "Nothing was read yet", None, None)
    budget = settings.freshness.kubernetes_s
    assessment = judge_region(region.display, facts.evidence, now=now, budget_s=budget)
    active = facts.evidence.active
    controller = _controller(facts, region, settings, now)
    headline = assessment.judgement
    if headline.verdict is Verdict.OK and controller.verdict is Verdict.WARN:
        headline = Judgement.warn(f"1 finding: {controller.text}")
    return RegionRow(
        region,
        facts,
        assessment,
        controller,
        headline.verdict,
        headline.sentence,
        facts.evidence.api.observed_at,
        active.value if active.fresh(now, budget) else None,
    )


def _controller(facts: RegionFacts, region: Region, settings: Settings, now: datetime) -> Item:
    lease = facts.lease
    if lease.value is None or not lease.fresh(now, settings.freshness.kubernetes_s):
        return Item(Verdict.UNKNOWN, "not installed" if lease.value is None and lease.error == "no Lease" else "unknown")
    return judge_lease(region.id, lease.value.holder, lease.value.renewed_at, lease.value.duration_s, now=now)


def _link(region: Region, snapshot: Snapshot, settings: Settings, now: datetime) -> LinkRow:
    facts = snapshot.links.get(region.id)
    if facts is None:
        reason = "nothing was read yet" if region.prometheus else f"no Prometheus is configured for {region.display}"
        return LinkRow(region, None, Judgement.unknown(f"Not known, {reason}"), None)
    limits = LinkLimits(
        settings.link.window_s, settings.link.handshake_warn_s, settings.link.rtt_warn_ms, settings.link.loss_warn_percent
    )
    judgement = judge_link(
        limits,
        facts.rtt_ms,
        facts.loss_percent,
        facts.newest_through,
        facts.handshake_age_s,
        now=now,
        budget_s=settings.freshness.link_s,
    )
    return LinkRow(region, facts, judgement, facts.loss_percent.observed_at)


def _witnesses(region: Region, snapshot: Snapshot, settings: Settings, now: datetime) -> WitnessRow:
    budget = settings.freshness.witnesses_s
    if not region.probe_zone:
        silent, needed = len(settings.witnesses.resolvers), settings.witnesses.quorum
        judgement = Judgement.unknown(f"Not configured: add probe_zone to {region.display} in the settings")
        return WitnessRow(region, Quorum(Finding.NO_QUORUM, 0, 0, silent, needed, False, judgement), (), None)
    known = (snapshot.witnesses.get((region.id, resolver.name)) for resolver in settings.witnesses.resolvers)
    facts = tuple(w for w in known if w is not None)
    fresh = [w for w in facts if young((now - w.asked_at).total_seconds(), budget)]
    everyone = [w for w in snapshot.witnesses.values() if young((now - w.asked_at).total_seconds(), budget)]
    quorum = count(
        [w.ballot.vote for w in fresh],
        configured=len(settings.witnesses.resolvers),
        needed=settings.witnesses.quorum,
        region=region.display,
        weak_transport=settings.witnesses.transport == "udp",
        any_control_answered=not everyone or any(w.control is not None and w.control.outcome in _CAME_BACK for w in everyone),
    )
    if not fresh:
        asked = max((w.asked_at for w in facts), default=None)
        reason = f"the last answers are {span((now - asked).total_seconds())} old" if asked else "no witness was asked yet"
        judgement = Judgement.unknown(f"Not known, {reason}")
        quorum = Quorum(Finding.NO_QUORUM, 0, 0, quorum.abstaining, quorum.needed, False, judgement)
    return WitnessRow(region, quorum, facts, min((w.asked_at for w in facts), default=None))


def _replication(snapshot: Snapshot, settings: Settings, primary: Region, now: datetime) -> tuple[ReplicationRow, ...]:
    standby = next((r for r in settings.regions if r is not primary), None)
    rows = []
    for promised in PROMISES:
        goal = objective(settings, promised.service)
        if standby is None:
            assessment = Assessment(Judgement.unknown("There is one region: nothing to fail over to"))
            rows.append(ReplicationRow(promised, goal, assessment, "", False, ()))
            continue
        arrow = "⇄" if promised.flow.value == "both ways" else "→"
        direction = f"{primary.display} {arrow} {standby.display}"
        measured = True
        traces: tuple[str, ...] = ()
        match promised.service:
            case Service.CNPG if primary.prometheus and standby.prometheus:
                traces = (f"postgres/{primary.id}", f"postgres/{standby.id}")
                assessment = judge_postgres(
                    goal, snapshot.postgres(primary.id, standby.id), now=now, budget_s=settings.freshness.replication_s
                )
            case Service.CNPG:
                measured = False
                assessment = Assessment(Judgement.unknown("Not configured: add regions[].prometheus to the settings"))
            case Service.VALKEY if primary.valkey and standby.valkey:
                traces = (f"valkey/{primary.id}", f"valkey/{standby.id}")
                never = "nothing was read yet"
                assessment = judge_valkey(
                    goal,
                    snapshot.valkey_primary.get(primary.id, Reading.missing("text", primary.id, never)),
                    snapshot.valkey_replica.get(standby.id, Reading.missing("text", standby.id, never)),
                    now=now,
                    budget_s=settings.freshness.valkey_s,
                )
            case Service.VALKEY:
                measured = False
                assessment = Assessment(Judgement.unknown("Not configured: add regions[].valkey to the settings"))
            case _:
                measured = False
                assessment = Assessment(Judgement.unknown("Not read yet"))
        rows.append(ReplicationRow(promised, goal, assessment, direction, measured, traces))
    return tuple(rows)


def _alarms(
    regions: Sequence[RegionRow],
    activity: Activity,
    links: Sequence[LinkRow],
    witnesses: Sequence[WitnessRow],
    replication: Sequence[ReplicationRow],
    settings: Settings,
) -> tuple[Alarm, ...]:
    """What is wrong, worst first: who is active, isolation, dead regions, then services, link and findings."""
    alarms: list[Alarm] = []
    if activity.judgement.verdict is Verdict.BREACH:
        title = "Both regions are active" if len(activity.active) > 1 else "No region is active"
        alarms.append(Alarm(Verdict.BREACH, title, activity.judgement.sentence))
    here = settings.region(settings.console.looks_from).display
    if any(w.quorum.finding is Finding.ISOLATED for w in witnesses):
        sentence = "No witness answers, not even for its control name: judge nothing from here, look from the other region"
        alarms.append(Alarm(Verdict.UNKNOWN, f"{here} may be cut off", sentence))
    down = set()
    for row in witnesses:
        if row.quorum.finding is Finding.UNREACHABLE:
            title, is_down = _unreachable_title(row, regions)
            alarms.append(Alarm(Verdict.BREACH, title, row.quorum.judgement.sentence))
            down |= {row.region.id} if is_down else set()
    for tile in regions:
        if tile.verdict is not Verdict.OK and tile.region.id not in down:
            title = tile.region.display if tile.facts is None or tile.assessment is None else _region_title(tile, witnesses)
            alarms.append(Alarm(tile.verdict, title, tile.headline))
    if activity.judgement.verdict not in (Verdict.OK, Verdict.BREACH) and all(t.facts for t in regions):
        alarms.append(Alarm(activity.judgement.verdict, "Active region", activity.judgement.sentence))
    for service in replication:
        if service.measured and service.assessment.judgement.verdict is not Verdict.OK:
            judgement = service.assessment.judgement
            alarms.append(Alarm(judgement.verdict, f"{service.promise.title} replication", judgement.sentence))
    for link in links:
        if link.judgement.verdict is not Verdict.OK:
            alarms.append(Alarm(link.judgement.verdict, f"Link from {link.seen_from.display}", link.judgement.sentence))
    for row in witnesses:
        if row.quorum.finding in (Finding.NO_QUORUM, Finding.REACHABLE) and row.quorum.judgement.verdict is not Verdict.OK:
            alarms.append(
                Alarm(row.quorum.judgement.verdict, f"Witnesses of {row.region.display}", row.quorum.judgement.sentence)
            )
    order = [Verdict.BREACH, Verdict.UNKNOWN, Verdict.WARN]
    return tuple(sorted(alarms, key=lambda a: order.index(a.verdict)))


def _unreachable_title(row: WitnessRow, regions: Sequence[RegionRow]) -> tuple[str, bool]:
    """What the witnesses' quorum means together with our own probe, and whether the region is down by both."""
    name = row.region.display
    tile = next(t for t in regions if t.region.id == row.region.id)
    if tile.assessment is not None and tile.assessment.api.verdict is Verdict.OK:
        return f"Witnesses cannot reach {name}, but its API answers here", False
    if tile.facts is not None and tile.facts.evidence.api.value is False:
        return f"{name} is down", True
    return f"Witnesses cannot reach {name}", False


def _region_title(tile: RegionRow, witnesses: Sequence[WitnessRow]) -> str:
    """A region that does not answer us while witnesses still reach it is cut off from here, not down."""
    api = tile.assessment.api if tile.assessment else None
    if api is None or api.verdict is Verdict.OK or tile.facts is None or tile.facts.evidence.api.value is not False:
        return tile.region.display
    reached = any(w.region.id == tile.region.id and w.quorum.finding is Finding.REACHABLE for w in witnesses)
    votes = next((w.votes for w in witnesses if w.region.id == tile.region.id), ())
    if reached and any(v.ballot.vote is Vote.REACHABLE for v in votes):
        return f"{tile.region.display} is cut off from here, but witnesses reach it"
    return f"{tile.region.display} does not answer"
