"""The board: what the overview says at one instant, judged from the snapshot with the handbook's rules.

Pure: the same snapshot, settings and instant give the same board. Everything that a page shows about the platform's
state is decided here or in the handbook, never in a page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.loss import Loss, loss
from openova_console.handbook.regions import Activity, Role, judge_activity
from openova_console.handbook.words import worst
from openova_console.settings import Region, Settings
from openova_console.watch.board.alarms import alarms
from openova_console.watch.board.alerts import AlertsBoard, alerts_board
from openova_console.watch.board.budget import BudgetBoard, budget_board
from openova_console.watch.board.delivery import DeliveryBoard, delivery_board
from openova_console.watch.board.gslb import GslbBoard, gslb_board
from openova_console.watch.board.regions import active, link_row, region_row
from openova_console.watch.board.replication import objective, replication_rows
from openova_console.watch.board.rows import Alarm, LinkRow, RegionRow, ReplicationRow, WitnessRow
from openova_console.watch.board.slo import SloBoard, slo_board
from openova_console.watch.board.uncovered import UncoveredRow, uncovered_rows
from openova_console.watch.board.witnesses import witness_row
from openova_console.watch.snapshot import Snapshot

__all__ = ["Alarm", "Board", "LinkRow", "RegionRow", "ReplicationRow", "WitnessRow", "judge", "objective"]


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
    loss: Loss
    uncovered: tuple[UncoveredRow, ...]
    gslb: GslbBoard
    slo: SloBoard
    delivery: DeliveryBoard
    budget: BudgetBoard
    alerts: AlertsBoard

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
    regions = tuple(region_row(r, snapshot, settings, now) for r in settings.regions)
    activity = judge_activity(
        [(row.region.display, Role(row.region.role), active(row.facts)) for row in regions],
        now=now,
        budget_s=settings.freshness.kubernetes_s,
    )
    links = tuple(link_row(r, snapshot, settings, now) for r in settings.regions) if len(settings.regions) > 1 else ()
    witnesses = tuple(
        witness_row(r, snapshot, settings, now) for r in settings.regions if r.probe_zone or len(settings.regions) > 1
    )
    source = _source(settings, regions)
    replication = replication_rows(snapshot, settings, source, now)
    lost = loss(source.display, [(row.promise.title, row.assessment) for row in replication])
    uncovered = uncovered_rows(snapshot, settings, source, now)
    gslb = gslb_board(snapshot, settings, regions, now)
    slo = slo_board(snapshot, settings, regions, now)
    delivery = delivery_board(snapshot, settings, regions, now)
    budget = budget_board(snapshot, settings, regions, now)
    alerts = alerts_board(snapshot, settings, regions, now)
    more = (*gslb.alarms, *slo.alarms, *delivery.alarms, *budget.alarms, *alerts.alarms)
    strip = alarms(regions, activity, links, witnesses, replication, settings, more)
    return Board(
        now, source, regions, activity, links, witnesses, replication, strip, lost, uncovered, gslb, slo, delivery, budget, alerts
    )


def _source(settings: Settings, regions: Sequence[RegionRow]) -> Region:
    """The region whose writes are replicated: the one that is active when each region's role is known, else the intended."""
    intended = next((r for r in settings.regions if r.role == "primary"), settings.regions[0])
    if sorted(str(row.active) for row in regions) != ["False", "True"]:
        return intended
    return next(row.region for row in regions if row.active)
