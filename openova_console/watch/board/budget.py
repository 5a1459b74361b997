"""The budget: month to date, run rate, forecast and headroom, per region and together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.budget import (
    BudgetAssessment,
    BudgetEvidence,
    Figures,
    Node,
    Prices,
    Spent,
    judge_budget,
    month_bounds,
    price_list,
    together,
)
from openova_console.handbook.words import Judgement, Reading, Verdict, worst
from openova_console.settings import Region, Settings
from openova_console.watch.board.rows import Alarm, RegionRow
from openova_console.watch.snapshot import Snapshot

TOGETHER = "together"
_OPENCOST, _PRICES = "OpenCost", "the price list"


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """One region's money, or both regions' (`region_id` is then "together").

    Attributes:
        counted: whether its verdict counts: False for a region without a budget of its own beside a common one.
        trace: key of the exchange behind it; empty when there is none.
    """

    region_id: str
    name: str
    figures: Figures
    assessment: BudgetAssessment
    counted: bool
    trace: str


@dataclass(frozen=True, slots=True)
class BudgetBoard:
    """The budget: month to date, run rate, forecast and headroom, per region and together.

    Attributes:
        judgement: the whole in one sentence.
        alarms: what belongs in the strip on top of every page.
        traces: keys of the exchanges behind it.
        measured: False while the settings hold no amount.
        rows: both regions together first (when there are two), then each region.
    """

    judgement: Judgement
    alarms: tuple[Alarm, ...] = ()
    traces: tuple[str, ...] = ()
    measured: bool = False
    rows: tuple[BudgetRow, ...] = ()


def budget_board(snapshot: Snapshot, settings: Settings, regions: Sequence[RegionRow], now: datetime) -> BudgetBoard:
    """Judge at `now`."""
    cost = settings.cost
    own = {r.id: cost.monthly_budget_by_region.get(r.id) for r in settings.regions}
    every = None if any(amount is None for amount in own.values()) else sum(amount or 0 for amount in own.values())
    common = cost.monthly_budget if cost.monthly_budget is not None else every
    parts = {r.id: _figures(r, snapshot, settings, now) for r in settings.regions}
    rows = [_row(r.id, r.display, parts[r.id], own[r.id], common, settings, now) for r in settings.regions]
    if len(rows) > 1:
        rows.insert(0, _row(TOGETHER, "Both regions", together(list(parts.values())), common, common, settings, now))
    elif own[settings.regions[0].id] is None:
        only = settings.regions[0]
        rows = [_row(only.id, only.display, parts[only.id], common, common, settings, now)]
    traces = tuple(row.trace for row in rows if row.trace)
    counted = [row for row in rows if row.counted]
    if not any(row.assessment.budget is not None for row in rows):
        judgement = Judgement.unknown("No budget is set: add cost.monthly_budget to the settings")
        return BudgetBoard(judgement, (), traces, False, tuple(rows))
    verdict = worst(row.assessment.judgement.verdict for row in counted)
    first = next(row for row in counted if row.assessment.judgement.verdict is verdict)
    judgement = Judgement(verdict, f"{first.name}: {first.assessment.judgement.sentence}")
    alarms = () if verdict is Verdict.OK else (Alarm(verdict, "Budget", judgement.sentence),)
    return BudgetBoard(judgement, alarms, traces, True, tuple(rows))


def _row(
    id_: str, name: str, figures: Figures, budget: float | None, common: float | None, settings: Settings, now: datetime
) -> BudgetRow:
    cost, kube_s, cost_s = settings.cost, settings.freshness.kubernetes_s, settings.freshness.cost_s
    assessment = judge_budget(
        figures,
        budget,
        warn_percent=cost.warn_percent,
        now=now,
        spent_s=cost_s if _OPENCOST in figures.spent_by else kube_s,
        pace_s=cost_s if _OPENCOST in figures.pace_by else kube_s,
        currency=cost.currency,
    )
    counted = budget is not None or common is None
    trace = ""
    if id_ != TOGETHER:
        trace = f"opencost/{id_}" if _OPENCOST in figures.spent_by else f"nodes/{id_}"
    return BudgetRow(id_, name, figures, assessment, counted, trace)


def _figures(region: Region, snapshot: Snapshot, settings: Settings, now: datetime) -> Figures:
    """One region's money: OpenCost tells what is spent where there is one; what runs now costs what the price list says."""
    cost = settings.cost
    nodes: Reading[tuple[Node, ...]] = snapshot.kube.get((region.id, "nodes")) or Reading.missing(
        "", region.id, "nothing was read yet"
    )
    listed_spent, listed_pace = _listed(nodes, settings, now)
    opencost = cost.spent == "opencost" or (cost.spent == "auto" and region.opencost is not None)
    evidence = snapshot.budget.get(region.id) if opencost else None
    spent, spent_by = (_month(evidence, region, now), _OPENCOST) if opencost else (listed_spent, _PRICES)
    pace, pace_by = (listed_pace, _PRICES) if cost.priced or not opencost else (_day(evidence, region, now), _OPENCOST)
    count = len(nodes.value) if nodes.value is not None and nodes.fresh(now, settings.freshness.kubernetes_s) else None
    return Figures(spent, pace, spent_by, pace_by, count, cost.node_price)


def _listed(nodes: Reading[tuple[Node, ...]], settings: Settings, now: datetime) -> tuple[Reading[float], Reading[float]]:
    """Spent and pace by the price list."""
    cost = settings.cost
    missing = ""
    if not cost.priced:
        missing = "there is no price list: add cost.node_price to the settings"
    elif nodes.value is None:
        missing = nodes.error or "the nodes are not known"
    elif not nodes.value:
        missing = "no nodes were found"
    if missing or nodes.value is None:
        nothing: Reading[float] = Reading.missing("", nodes.source, missing)
        return nothing, nothing
    prices = dict(cost.node_prices) | ({"": cost.node_price} if cost.node_price is not None else {})
    found = price_list(nodes.value, Prices(prices, cost.load_balancer + sum(cost.extras.values())), now)
    if isinstance(found, str):
        unpriced: Reading[float] = Reading.missing("", nodes.source, found)
        return unpriced, unpriced
    return tuple(Reading(value, "", nodes.observed_at, nodes.source, nodes.completeness, nodes.error) for value in found)  # type: ignore[return-value]


def _month(evidence: BudgetEvidence | None, region: Region, now: datetime) -> Reading[float]:
    """What was spent this month; figures of another month are none."""
    reading = _of(evidence.month if evidence else None, region)
    if reading.value is None:
        return Reading.missing("", reading.source, reading.error)
    begins, _ = month_bounds(now)
    if reading.value.begins < begins:
        return Reading.missing("", reading.source, "OpenCost's figures are of an earlier month")
    return Reading(reading.value.amount, "", reading.observed_at, reading.source, reading.completeness, reading.error)


def _day(evidence: BudgetEvidence | None, region: Region, now: datetime) -> Reading[float]:
    """What a month costs at the pace of OpenCost's last day."""
    reading = _of(evidence.day if evidence else None, region)
    if reading.value is None:
        return Reading.missing("", reading.source, reading.error)
    begins, ends = month_bounds(now)
    share = (reading.value.ends - reading.value.begins) / (ends - begins)
    if share <= 0:
        return Reading.missing("", reading.source, "OpenCost's last day has no length")
    return Reading(reading.value.amount / share, "", reading.observed_at, reading.source, reading.completeness, reading.error)


def _of(reading: Reading[Spent] | None, region: Region) -> Reading[Spent]:
    return reading or Reading.missing("", f"{region.display}'s OpenCost", "OpenCost was not read yet")
