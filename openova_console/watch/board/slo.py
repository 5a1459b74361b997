"""The three service level objectives, per region and together.

Together means every configured region: sums of counts, and unknown as soon as one region's are. Availability and error rate
are drawn from the same counts, so one alarm speaks for both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.burn import Spending, judge_spending
from openova_console.handbook.slo import TITLES, Counted, Goal, Sli, SloEvidence, Standing, judge_sli
from openova_console.handbook.words import Judgement, Reading, Verdict, worst
from openova_console.settings import Region, Settings
from openova_console.watch.board.rows import Alarm, RegionRow
from openova_console.watch.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class SloRow:
    """One indicator of one region, or of all together (`region` is None)."""

    goal: Goal
    region: Region | None
    standing: Standing
    spending: Spending
    traces: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """The worse of the handbook's limit and the burn rate rules."""
        return worst((self.standing.judgement.verdict, self.spending.judgement.verdict))


@dataclass(frozen=True, slots=True)
class SloBoard:
    """The three service level objectives, per region and together.

    Attributes:
        judgement: the whole in one sentence.
        alarms: what belongs in the strip on top of every page.
        traces: keys of the exchanges behind it.
        rows: all together, in the handbook's order; `parts` the same for each region, where there is more than one.
        fresh_s: how old a sample may be, in seconds.
    """

    judgement: Judgement
    alarms: tuple[Alarm, ...] = ()
    traces: tuple[str, ...] = ()
    rows: tuple[SloRow, ...] = ()
    parts: tuple[SloRow, ...] = ()
    fresh_s: float = 0.0


def goals(settings: Settings) -> tuple[Goal, ...]:
    """The handbook's three, with the configured limits."""
    slo = settings.slo
    a, lat, e = slo.availability, slo.latency, slo.error_rate
    good = a.target_percent / 100
    return (
        Goal(Sli.AVAILABILITY, good, a.alert_percent / 100, slo.hold_s, good),
        Goal(Sli.LATENCY, lat.target_s, lat.alert_s, slo.hold_s, lat.good_percent / 100),
        Goal(Sli.ERROR_RATE, e.target_percent / 100, e.alert_percent / 100, slo.hold_s, 1 - e.target_percent / 100),
    )


def slo_board(snapshot: Snapshot, settings: Settings, regions: Sequence[RegionRow], now: datetime) -> SloBoard:
    """Judge at `now`."""
    configured = settings.regions
    traces = tuple(f"slo/{r.id}" for r in configured if r.prometheus)
    rows = tuple(_row(goal, None, snapshot, settings, now) for goal in goals(settings))
    each = configured if len(configured) > 1 else ()
    parts = tuple(_row(goal, r, snapshot, settings, now) for goal in goals(settings) for r in each)
    if not any(r.prometheus for r in configured):
        judgement = Judgement.unknown("Not configured: add regions[].prometheus to the settings")
    elif not snapshot.slo:
        judgement = Judgement.unknown("Not known: nothing was read yet")
    else:
        judgement = _whole(rows)
        return SloBoard(judgement, _alarms(rows, parts), traces, rows, parts, settings.freshness.slo_s)
    return SloBoard(judgement, (), traces, rows, parts, settings.freshness.slo_s)


def _row(goal: Goal, region: Region | None, snapshot: Snapshot, settings: Settings, now: datetime) -> SloRow:
    regions = settings.regions if region is None else (region,)
    scope = [(r.display, _counted(r, snapshot, goal.sli)) for r in regions]
    budget = settings.freshness.slo_s
    return SloRow(
        goal,
        region,
        judge_sli(goal, scope, now=now, budget_s=budget),
        judge_spending(
            goal,
            scope,
            now=now,
            budget_s=budget,
            long_budget_s=budget + settings.slo.long_every_s,
            month_s=settings.slo.window_s,
        ),
        tuple(f"slo/{r.id}" for r in regions if r.prometheus),
    )


def _counted(region: Region, snapshot: Snapshot, sli: Sli) -> Counted:
    evidence: SloEvidence | None = snapshot.slo.get(region.id)
    if evidence is not None:
        return evidence.of(sli)
    health = snapshot.collectors.get(f"slo/{region.id}")
    why = (
        "no Prometheus is configured" if region.prometheus is None else (health.error if health else "") or "nothing was read yet"
    )
    return Counted(Reading.missing("count", region.id, why))


def _whole(rows: Sequence[SloRow]) -> Judgement:
    """What stands worst, in its own words."""
    verdict = worst(row.verdict for row in rows)
    if verdict is Verdict.OK:
        return Judgement.ok("All three objectives are met")
    row = next(row for row in rows if row.verdict is verdict)
    return Judgement(verdict, f"{TITLES[row.goal.sli]}: {_worse(row).sentence}")


def _worse(row: SloRow) -> Judgement:
    """The handbook's limit when it speaks, else the burn rate."""
    static, burn = row.standing.judgement, row.spending.judgement
    return static if worst((static.verdict, burn.verdict)) is static.verdict else burn


def _alarms(rows: Sequence[SloRow], parts: Sequence[SloRow]) -> tuple[Alarm, ...]:
    """What users notice or soon will: limits that are broken, burns that wake somebody, and one line when it is not known."""
    found: list[Alarm] = []
    unknown = [row for row in rows if row.standing.judgement.verdict is Verdict.UNKNOWN]
    if unknown:
        title = "SLOs" if len(unknown) == len(rows) else TITLES[unknown[0].goal.sli]
        found.append(Alarm(Verdict.UNKNOWN, title, unknown[0].standing.judgement.sentence))
    loud = [row for row in rows if row.standing.beyond or row.spending.judgement.verdict is Verdict.BREACH]
    found += [Alarm(_worse(row).verdict, TITLES[row.goal.sli], _worse(row).sentence) for row in _once(loud)]
    shown = {row.goal.sli for row in loud}
    alone = [row for row in parts if row.standing.judgement.verdict is Verdict.BREACH and row.goal.sli not in shown]
    for row in _once(alone):
        place = f" in {row.region.display}" if row.region else ""
        found.append(Alarm(Verdict.BREACH, f"{TITLES[row.goal.sli]}{place}", row.standing.judgement.sentence))
    return tuple(found)


def _once(rows: Sequence[SloRow]) -> list[SloRow]:
    """Without the error rate where availability speaks: both count the same failures, and its limit is the stricter one."""
    spoken = {row.region and row.region.id for row in rows if row.goal.sli is Sli.AVAILABILITY}
    return [row for row in rows if row.goal.sli is not Sli.ERROR_RATE or (row.region and row.region.id) not in spoken]
