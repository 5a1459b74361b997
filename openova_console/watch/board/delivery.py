"""Canaries of both regions, side by side by name.

The clusters are independent: a Canary of the same namespace and name in the other region is the same release elsewhere, and
each is judged by its own region's reading. What is absent in one region is said, and breaks nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from openova_console.handbook.canary import Canary
from openova_console.handbook.delivery import Progress, judge_canary, unread, unreadable
from openova_console.handbook.speech import listing
from openova_console.handbook.words import Judgement, Reading, Verdict, worst
from openova_console.settings import Region, Settings
from openova_console.watch.board.rows import Alarm, RegionRow
from openova_console.watch.kube.canaries import NAME, Canaries
from openova_console.watch.snapshot import Snapshot

_NAMED = 3
_ORDER = [Verdict.BREACH, Verdict.UNKNOWN, Verdict.WARN, Verdict.OK]
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class CanaryCell:
    """One Canary in one region; `canary` and `progress` are None where it does not exist."""

    region: Region
    canary: Canary | None
    progress: Progress | None


@dataclass(frozen=True, slots=True)
class CanaryRow:
    """One Canary in all regions, in their order. `same` is whether they serve the same revision; None when not known."""

    namespace: str
    name: str
    cells: tuple[CanaryCell, ...]
    verdict: Verdict
    same: bool | None

    @property
    def running(self) -> bool:
        """Whether a release is on its way in any region."""
        return any(cell.progress is not None and cell.progress.running for cell in self.cells)


@dataclass(frozen=True, slots=True)
class DeliveryBoard:
    """Canaries of both regions, side by side by name.

    Attributes:
        judgement: the whole in one sentence.
        alarms: what belongs in the strip on top of every page.
        traces: keys of the exchanges behind it.
        rows: worst first; among equals those that run.
        silent: for each region whose Canaries are not known: its name and why.
        fresh_s: how old a reading may be.
        observed_at: the oldest reading that counts.
    """

    judgement: Judgement
    alarms: tuple[Alarm, ...] = ()
    traces: tuple[str, ...] = ()
    rows: tuple[CanaryRow, ...] = ()
    silent: tuple[tuple[str, str], ...] = ()
    fresh_s: float = 0.0
    observed_at: datetime | None = None

    @property
    def running(self) -> int:
        """Canaries of which a release is on its way in some region."""
        return sum(row.running for row in self.rows)


def delivery_board(snapshot: Snapshot, settings: Settings, regions: Sequence[RegionRow], now: datetime) -> DeliveryBoard:
    """Judge at `now`."""
    budget = settings.freshness.delivery_s
    readings: dict[str, Reading[Canaries]] = {
        r.id: snapshot.kube.get((r.id, NAME)) or Reading.missing("", r.id, "nothing was read yet") for r in settings.regions
    }
    keys = sorted({key for reading in readings.values() for key in reading.value or {}})
    rows = [_row(key, settings, readings, now) for key in keys]
    rows.sort(key=lambda row: (_ORDER.index(row.verdict), not row.running))
    silent = tuple(
        (r.display, readings[r.id].why_not_fresh(now, budget)) for r in settings.regions if not readings[r.id].fresh(now, budget)
    )
    return DeliveryBoard(
        _judgement(rows, silent),
        _alarms(rows, {name for name, _ in silent}),
        tuple(f"canaries/{r.id}" for r in settings.regions),
        tuple(rows),
        silent,
        budget,
        min((r.observed_at for r in readings.values() if r.observed_at is not None), default=None),
    )


def _row(key: Key, settings: Settings, readings: Mapping[str, Reading[Canaries]], now: datetime) -> CanaryRow:
    cells = tuple(_cell(key, region, readings[region.id], settings, now) for region in settings.regions)
    serving = [cell.canary.promoted for cell in cells if cell.canary is not None]
    known = len(serving) == len(settings.regions) > 1 and all(serving)
    verdict = worst(cell.progress.judgement.verdict for cell in cells if cell.progress is not None)
    return CanaryRow(*key, cells, verdict, len(set(serving)) == 1 if known else None)


def _cell(key: Key, region: Region, reading: Reading[Canaries], settings: Settings, now: datetime) -> CanaryCell:
    budget = settings.freshness.delivery_s
    found = (reading.value or {}).get(key)
    if not reading.fresh(now, budget):
        return CanaryCell(region, found if isinstance(found, Canary) else None, unread(reading, now=now, budget_s=budget))
    if found is None:
        return CanaryCell(region, None, None)
    if isinstance(found, str):
        return CanaryCell(region, None, unreadable(found, observed_at=reading.observed_at))
    patience = settings.delivery.patience_s
    return CanaryCell(region, found, judge_canary(found, observed_at=reading.observed_at, now=now, patience_s=patience))


def _judgement(rows: Sequence[CanaryRow], silent: Sequence[tuple[str, str]]) -> Judgement:
    """The whole: what is worst first, then what runs; a region that is not known is never left out."""
    unknown = [f"{name} is not known, {why}" for name, why in silent]
    bad = [row for row in rows if row.verdict in (Verdict.BREACH, Verdict.WARN)]
    runs = sum(row.running for row in rows)
    if not rows:
        said = "No Canary is defined" if not silent else "No Canary is known"
    elif bad:
        said = f"{listing([row.name for row in bad[:_NAMED]])} {'need' if len(bad) > 1 else 'needs'} a look"
        said = said if len(bad) <= _NAMED else f"{len(bad)} of {len(rows)} canaries need a look"
    else:
        said = "No canary runs" if not runs else f"{runs} canar{'ies run' if runs > 1 else 'y runs'}, no check has failed"
    verdict = worst([*(row.verdict for row in rows), *(Verdict.UNKNOWN for _ in silent)] or [Verdict.OK])
    if verdict is Verdict.UNKNOWN and not bad and not unknown:
        said = f"{listing([r.name for r in rows if r.verdict is Verdict.UNKNOWN][:_NAMED])} cannot be judged"
    return Judgement(verdict, "; ".join([said, *unknown]))


def _alarms(rows: Sequence[CanaryRow], silent: set[str]) -> tuple[Alarm, ...]:
    """One line per Canary and region that is not well; a region that is silent as a whole tops the page anyway."""
    found = [
        Alarm(cell.progress.judgement.verdict, f"Canary {row.name} in {cell.region.display}", cell.progress.judgement.sentence)
        for row in rows
        for cell in row.cells
        if cell.progress is not None and cell.progress.judgement.verdict is not Verdict.OK and cell.region.display not in silent
    ]
    found.sort(key=lambda alarm: _ORDER.index(alarm.verdict))
    if len(found) <= _NAMED:
        return tuple(found)
    more = len(found) - _NAMED + 1
    rest = Alarm(found[_NAMED - 1].verdict, f"{more} more canaries", "They need a look as well: see Delivery")
    return (*found[: _NAMED - 1], rest)
